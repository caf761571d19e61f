import torch as t
import torch.nn.functional as F
from torch.utils.data import DataLoader

import utils
from solutions.part1_diffusion import NoiseSchedule, log_images, noise_img
from tests.answers import right, wrong


def _test(model, testset, schedule):
    with t.no_grad():
        num_steps, noise, noised = noise_img(testset.tensors[0], schedule)
        return F.mse_loss(model(noised, num_steps), noise)


def _log(run, step, config, value, x0):
    run.log({"train_loss": value.detach()}, step)
    if step % config["img_log_interval"] == 0:
        run.log({"images": log_images(x0, x0, x0, x0, x0)}, step)


def _train(
    model,
    config,
    trainset,
    testset=None,
    *,
    optimizer=lambda model, config: t.optim.Adam(model.parameters(), lr=config["lr"]),
    loss=lambda guess, noise, x0, noised: F.mse_loss(guess, noise),
    zero="before",
    shuffle=True,
    drop_last=False,
    show=lambda x0, noised: noised,
    counts=lambda num_steps: num_steps,
    test=_test,
    keep=True,
    log=_log,
):
    """A right loop, with one place for each mistake."""
    if model.noise_schedule is None or not keep:
        model.noise_schedule = NoiseSchedule(config["max_steps"], config["device"])
    schedule, rule, step = model.noise_schedule, optimizer(model, config), 0
    run = utils.start_run(config, 1)
    for _ in range(config["epochs"]):
        for (x0,) in DataLoader(trainset, config["batch_size"], shuffle=shuffle, drop_last=drop_last):
            num_steps, noise, noised = noise_img(x0, schedule)
            value = loss(model(show(x0, noised), counts(num_steps)), noise, x0, noised)
            if zero == "before":
                rule.zero_grad()
            value.backward()
            if zero == "between":
                rule.zero_grad()
            rule.step()
            step += 1
            log(run, step, config, value, x0)
        if testset is not None:
            run.log({"test_loss": test(model, testset, schedule) or 0.0}, step)
    return model


@right
def with_a_data_loader(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset)


@right
def by_slices_of_a_permutation(model, config, trainset, testset=None):
    images, size = trainset.tensors[0], config["batch_size"]
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"])
    run, step = utils.start_run(config, 1), 0
    for _ in range(config["epochs"]):
        images = images[t.randperm(len(images))]
        for i in range(0, len(images), size):
            model.noise_schedule = model.noise_schedule or NoiseSchedule(config["max_steps"], "cpu")
            num_steps, noise, noised = noise_img(images[i : i + size], model.noise_schedule)
            optimizer.zero_grad(set_to_none=False)
            loss = ((noise - model(noised, num_steps)) ** 2).mean()
            loss.backward()
            optimizer.step()
            step += 1
            _log(run, step, config, loss, images)
        if testset:
            run.log({"test_loss": _test(model, testset, model.noise_schedule).item()}, step)
    return model


@right
def zeroed_after_the_step(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            super().step()
            self.zero_grad()

    return _train(model, config, trainset, testset, zero=None, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@right
def fused_adam_and_reordered_loss(model, config, trainset, testset=None):
    return _train(
        model,
        config,
        trainset,
        testset,
        optimizer=lambda m, c: t.optim.Adam(m.parameters(), lr=c["lr"], fused=True),
        loss=lambda guess, noise, x0, noised: (noise - guess).pow(2).flatten(1).mean(dim=1).mean(),
    )


@right
def test_set_in_minibatches(model, config, trainset, testset=None):
    def test(model, testset, schedule):
        model.eval()
        with t.inference_mode():
            for (x0,) in DataLoader(testset, 3):
                num_steps, noise, noised = noise_img(x0, schedule)
                F.mse_loss(model(noised, num_steps), noise)
        model.train()

    return _train(model, config, trainset, testset, test=test)


@wrong("Is the lr of the config used?")
def lr_ignored(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.Adam(m.parameters()))


@wrong("Is that SGD? The text asks for Adam.")
def sgd(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.SGD(m.parameters(), lr=c["lr"]))


@wrong("Is that AdamW? The text asks for Adam.")
def adamw(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.AdamW(m.parameters(), lr=c["lr"]))


@wrong("Are old gradients added to the new?")
def never_zeroed(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, zero=None)


@wrong("Does the optimizer take a step, with the gradients still there?")
def zeroed_between_backward_and_step(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, zero="between")


@wrong("Does the optimizer take a step, with the gradients still there?")
def never_stepped(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            pass

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("Is a new optimizer made in each step?")
def optimizer_in_the_loop(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            super().step()
            self.state.clear()

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("Is the loss a sum?")
def summed(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, e, reduction="sum"))


@wrong("Does it guess the clean image?")
def guesses_the_image(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, x0))


@wrong("Is the guess compared with the noised image?")
def compares_with_the_noised(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, xt))


@wrong("Is that the absolute error?")
def absolute_error(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.l1_loss(g, e))


@wrong("Is a square root taken of the loss?")
def root_of_the_loss(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, e).sqrt())


@wrong("What is compared with the model's guess?")
def compares_with_new_noise(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, t.randn_like(e)))


@wrong("Is there a new random order each time?")
def never_shuffled(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, shuffle=False)


@wrong("Is each image shown once an epoch?")
def last_batch_dropped(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, drop_last=True)


@wrong("Is each image shown once an epoch?")
def one_epoch(model, config, trainset, testset=None):
    return _train(model, config | {"epochs": 1}, trainset, testset)


@wrong("the model is shown clean images")
def shows_clean_images(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, show=lambda x0, noised: x0 * 0.5)


@wrong("are not noised by the counts it is given")
def another_count_told(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: n.flip(0) % 4 + 1)


@wrong("num_steps runs from 0 to 3, expected counts from 1 to 4")
def indices_told(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: n - 1)


@wrong("expected counts from 1 to 4")
def scaled_counts_told(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: n / 4)


@wrong("the model gets an int as num_steps")
def largest_count_told(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: 4)


@wrong("it replaces the schedule that the model had")
def schedule_replaced(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, keep=False)


@wrong("it returns None, expected the model")
def no_return(model, config, trainset, testset=None):
    _train(model, config, trainset, testset)


@wrong("the model is trained on the test images")
def trains_on_the_test_set(model, config, trainset, testset=None):
    def test(model, testset, schedule):
        num_steps, noise, noised = noise_img(testset.tensors[0], schedule)
        F.mse_loss(model(noised, num_steps), noise).backward()

    return _train(model, config, trainset, testset, test=test)


@wrong("Is the test loss taken once after each epoch, on all test images?")
def test_set_unused(model, config, trainset, testset=None):
    return _train(model, config, trainset, None)


@wrong("'NoneType' object has no attribute 'tensors'")
def test_set_demanded(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset or type("", (), {"tensors": None.tensors}))


@wrong("Is the backward pass missing?")
def no_backward(model, config, trainset, testset=None):
    for (x0,) in DataLoader(trainset, config["batch_size"]):
        num_steps, noise, noised = noise_img(x0, model.noise_schedule)
        F.mse_loss(model(noised, num_steps), noise)
    return model


@wrong("the model is never called")
def nothing(model, config, trainset, testset=None):
    return model


@wrong("train_loss is logged at steps []")
def logs_nothing(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, log=lambda run, step, config, value, x0: None)


@wrong("with step counted up from 1?")
def counts_steps_from_zero(model, config, trainset, testset=None):
    log = lambda run, step, config, value, x0: _log(run, step - 1, config, value, x0)  # noqa: E731
    return _train(model, config, trainset, testset, log=log)


@wrong("no pictures are logged")
def logs_no_pictures(model, config, trainset, testset=None):
    log = lambda run, step, config, value, x0: run.log({"train_loss": value.detach()}, step)  # noqa: E731
    return _train(model, config, trainset, testset, log=log)
