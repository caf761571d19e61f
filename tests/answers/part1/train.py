import torch as t
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

import utils
from solutions.part1_diffusion import NoiseSchedule, log_images, noise_img, reconstruct
from tests.answers import right, wrong
from tests.part1.train import Recorder


def _test(model, images, schedule):
    with t.no_grad():
        num_steps, noise, noised = noise_img(images, schedule)
        return F.mse_loss(model(noised, num_steps), noise)


def _pictures(x0, noised, noise, guess, clean, config):
    return log_images(x0, noised, noise, guess, clean, config["n_images_to_log"])


def _log(run, step, config, value, *images, pictures=_pictures, due=lambda step, every: step % every == 0):
    run.log({"train_loss": value.detach()}, step)
    if due(step, config["img_log_interval"]):
        run.log({"images": pictures(*images, config)}, step)


def _train(
    model,
    config,
    trainset,
    testset=None,
    *,
    optimizer=lambda model, config: t.optim.Adam(model.parameters(), lr=config["lr"]),
    loss=lambda guess, noise, x0, noised: F.mse_loss(guess, noise),
    zero="before",
    step_at="minibatch",
    renew=False,
    steps=1,
    batches=lambda images, size: DataLoader(TensorDataset(images), size, shuffle=True),
    show=lambda x0, noised: noised,
    counts=lambda num_steps: num_steps,
    test=_test,
    test_step=lambda step, epoch: step,
    keep=True,
    log=_log,
    noising=noise_img,
    clean=lambda noised, noise, guess, num_steps, schedule: reconstruct(noised, guess, num_steps, schedule),
):
    """A right loop, with one place for each mistake."""
    device = config["device"]
    model.to(device)
    if model.noise_schedule is None or not keep:
        model.noise_schedule = NoiseSchedule(config["max_steps"], device)
    schedule, rule, step = model.noise_schedule.to(device), optimizer(model, config), 0
    images = trainset.tensors[0].to(device)
    run = utils.start_run(config, 1)
    for epoch in range(config["epochs"]):
        rule = optimizer(model, config) if renew else rule
        if zero == "epoch":
            rule.zero_grad()
        for (x0,) in batches(images, config["batch_size"]):
            num_steps, noise, noised = noising(x0, schedule)
            guess = model(show(x0, noised), counts(num_steps))
            value = loss(guess, noise, x0, noised)
            if zero == "before":
                rule.zero_grad()
            value.backward()
            if zero == "between":
                rule.zero_grad()
            for _ in range(steps if step_at == "minibatch" else 0):
                rule.step()
            step += 1
            rest = clean(noised, noise, guess.detach(), num_steps, schedule)
            log(run, step, config, value, x0, noised, noise, guess.detach(), rest)
        if step_at == "epoch":
            rule.step()
        if testset is not None:
            run.log({"test_loss": test(model, testset.tensors[0].to(device), schedule)}, test_step(step, epoch))
    return model


@right
def with_a_data_loader(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset)


@right
def by_slices_of_a_permutation(model, config, trainset, testset=None):
    size, device = config["batch_size"], config["device"]
    images = trainset.tensors[0].to(device)
    model.noise_schedule = model.noise_schedule or NoiseSchedule(config["max_steps"], device)
    model.to(device)
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"])
    run, step = utils.start_run(config, 1), 0
    for _ in range(config["epochs"]):
        images = images[t.randperm(len(images))]
        for i in range(0, len(images), size):
            x0 = images[i : i + size]
            num_steps, noise, noised = noise_img(x0, model.noise_schedule)
            optimizer.zero_grad(set_to_none=False)
            guess = model(noised, num_steps)
            loss = ((noise - guess) ** 2).mean()
            loss.backward()
            optimizer.step()
            step += 1
            run.log({"train_loss": loss.item()}, step)
            if step % config["img_log_interval"] == 0:
                with t.no_grad():
                    clean = reconstruct(noised, guess, num_steps, model.noise_schedule).clamp(-1, 1)
                    pictures = log_images(x0, noised, noise, guess, clean, num_images=config["n_images_to_log"])
                run.log({"images": pictures}, step)
        if testset:
            test_images = testset.tensors[0].to(device)
            run.log({"test_loss": _test(model, test_images, model.noise_schedule).item()}, step)
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
        optimizer=lambda m, c: t.optim.Adam(m.parameters(), lr=c["lr"], fused=c["device"].type == "cpu"),
        loss=lambda guess, noise, x0, noised: (noise - guess).pow(2).flatten(1).mean(dim=1).mean(),
    )


@right
def test_set_in_minibatches(model, config, trainset, testset=None):
    def test(model, images, schedule):
        total = 0.0
        model.eval()
        with t.inference_mode():
            for x0 in images.split(3):
                num_steps, noise, noised = noise_img(x0, schedule)
                total += len(x0) * F.mse_loss(model(noised, num_steps), noise).item()
        model.train()
        return total / len(images)

    return _train(model, config, trainset, testset, test=test)


@right
def pictures_at_the_first_step_of_each_interval(model, config, trainset, testset=None):
    def log(*arguments):
        _log(*arguments, due=lambda step, every: (step - 1) % every == 0)

    return _train(model, config, trainset, testset, log=log)


@right
def pictures_of_new_noise_and_a_new_guess(model, config, trainset, testset=None):
    def pictures(x0, noised, noise, guess, clean, config):
        with t.inference_mode():
            num_steps, noise, noised = noise_img(x0, model.noise_schedule)
            guess = model(noised, num_steps)
            clean = reconstruct(noised, guess, num_steps, model.noise_schedule)
        chosen = t.randperm(len(x0))[: config["n_images_to_log"]].tolist()
        return [log_images(*(each[i : i + 1] for each in (x0, noised, noise, guess, clean)))[0] for i in chosen]

    return _train(model, config, trainset, testset, log=lambda *arguments: _log(*arguments, pictures=pictures))


@right
def rows_shuffled_by_python(model, config, trainset, testset=None):
    import random

    def batches(images, size):
        rows = list(range(len(images)))
        random.shuffle(rows)
        while rows:
            yield (images[rows[:size]],)
            rows = rows[size:]

    return _train(model, config, trainset, testset, batches=batches, loss=lambda g, e, x0, xt: (g - e).square().mean())


@right
def pictures_logged_with_the_loss(model, config, trainset, testset=None):
    def log(run, step, config, value, *images):
        values = {"train_loss": float(value)}
        if step == 1 or not step % config["img_log_interval"]:
            values["images"] = _pictures(*images, config)
        run.log(values, step)

    return _train(model, config, trainset, testset, log=log)


@wrong("Where is the lr of the config?")
def lr_ignored(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.Adam(m.parameters()))


@wrong("You use SGD.")
def sgd(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.SGD(m.parameters(), lr=c["lr"]))


@wrong("You use AdamW.")
def adamw(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.AdamW(m.parameters(), lr=c["lr"]))


@wrong("You add old gradients to the new.")
def never_zeroed(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, zero=None)


@wrong("Where does the optimizer take a step, with the gradients still there?")
def zeroed_between_backward_and_step(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, zero="between")


@wrong("Where does the optimizer take a step, with the gradients still there?")
def never_stepped(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            pass

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("You make a new optimizer in each step.")
def optimizer_in_the_loop(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            super().step()
            self.state.clear()

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("You sum the squares.")
def summed(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, e, reduction="sum"))


@wrong("You compare the guess with the clean image.")
def guesses_the_image(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, x0))


@wrong("You compare the guess with the noised image.")
def compares_with_the_noised(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, xt))


@wrong("You take the absolute error.")
def absolute_error(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.l1_loss(g, e))


@wrong("You take a square root of the loss.")
def root_of_the_loss(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, e).sqrt())


@wrong("You compare the guess with other noise than is in the images it saw.")
def compares_with_new_noise(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, t.randn_like(e)))


@wrong("You keep one order.")
def never_shuffled(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, batches=_batches())


@wrong("You drop the last, smaller minibatch.")
def last_batch_dropped(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, batches=_batches(shuffle=True, drop_last=True))


@wrong("You stop after the first epoch.")
def one_epoch(model, config, trainset, testset=None):
    return _train(model, config | {"epochs": 1}, trainset, testset)


@wrong("the model is shown clean images")
def shows_clean_images(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, show=lambda x0, noised: x0 * 0.5)


@wrong("You take images and timesteps from two calls of noise_img, or in another order.")
def another_count_told(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: n.flip(0) % 4 + 1)


@wrong("You subtract 1.")
def indices_told(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: n - 1)


@wrong("You scale them.")
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
    def test(model, images, schedule):
        num_steps, noise, noised = noise_img(images, schedule)
        loss = F.mse_loss(model(noised, num_steps), noise)
        loss.backward()
        return loss.detach()

    return _train(model, config, trainset, testset, test=test)


@wrong("Where is the test loss taken once after each epoch, on all test images?")
def test_set_unused(model, config, trainset, testset=None):
    return _train(model, config, trainset, None)


@wrong("'NoneType' object has no attribute 'tensors'")
def test_set_demanded(model, config, trainset, testset=None):
    return _train(model, config, trainset, TensorDataset(testset.tensors[0]))


@wrong("Where is the backward pass?")
def no_backward(model, config, trainset, testset=None):
    for (x0,) in DataLoader(trainset, config["batch_size"]):
        num_steps, noise, noised = noise_img(x0, model.noise_schedule)
        F.mse_loss(model(noised, num_steps), noise)
    return model


@wrong("the model is never called")
def nothing(model, config, trainset, testset=None):
    return model


def _batches(**options):
    return lambda images, size: DataLoader(TensorDataset(images), size, **options)


@wrong("nothing is logged, expected train_loss after every step")
def logs_nothing(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, log=lambda *arguments: None)


@wrong("logged are loss, expected train_loss after every step")
def another_name(model, config, trainset, testset=None):
    def log(run, step, config, value, *images):
        run.log({"loss": value.detach()}, step)

    return _train(model, config, trainset, testset, log=log)


@wrong("You log before step is counted up.")
def counts_steps_from_zero(model, config, trainset, testset=None):
    log = lambda run, step, *rest: _log(run, step - 1, *rest)  # noqa: E731
    return _train(model, config, trainset, testset, log=log)


@wrong("Where is train_loss logged after every step, with step counted up by 1?")
def step_never_counted(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, log=lambda run, step, *rest: _log(run, 1, *rest))


@wrong("the latest log is of step 5, 10, 12, 17")
def images_counted_for_steps(model, config, trainset, testset=None):
    seen = 0

    def log(run, step, config, value, x0, *images):
        nonlocal seen
        seen += len(x0)
        _log(run, seen, config, value, x0, *images)

    return _train(model, config, trainset, testset, log=log)


@wrong("the latest log is of step 0, 0, 3, 3")
def logs_once_an_epoch(model, config, trainset, testset=None):
    def log(run, step, *rest):
        if step % 3 == 0:
            _log(run, step, *rest)

    return _train(model, config, trainset, testset, log=log)


@wrong("You multiply by the number of images.")
def loss_times_the_batch_logged(model, config, trainset, testset=None):
    log = lambda run, step, config, value, x0, *rest: _log(run, step, config, len(x0) * value, x0, *rest)  # noqa: E731
    return _train(model, config, trainset, testset, log=log)


@wrong("no pictures are logged")
def logs_no_pictures(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, log=lambda *rest: _log(*rest, due=lambda step, every: False))


@wrong("pictures are logged after every step.\nWhere is img_log_interval used?")
def pictures_after_each_step(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, log=lambda *rest: _log(*rest, due=lambda step, every: True))


@wrong("You turn it round, so that all steps log but those that should.")
def interval_turned_round(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, log=lambda *rest: _log(*rest, due=lambda step, every: step % every))


@wrong("pictures are logged after step 4 alone, of 12.")
def pictures_once(model, config, trainset, testset=None):
    log = lambda *rest: _log(*rest, due=lambda step, every: step == every)  # noqa: E731
    return _train(model, config, trainset, testset, log=log)


@wrong("3 pictures at a time, expected n_images_to_log=2")
def n_images_to_log_ignored(model, config, trainset, testset=None):
    pictures = lambda *images: log_images(*images[:5])  # noqa: E731
    return _train(model, config, trainset, testset, log=lambda *rest: _log(*rest, pictures=pictures))


def _with_pictures(order):
    """A right loop that gives log_images something else. order: x0, xt, noise, guess, clean -> five of them"""

    def train(model, config, trainset, testset=None):
        pictures = lambda x0, xt, e, g, r, c: log_images(*order(x0, xt, e, g, r), c["n_images_to_log"])  # noqa: E731
        return _train(model, config, trainset, testset, log=lambda *rest: _log(*rest, pictures=pictures))

    return train


@wrong("in the place of the reconstruction.\nYou make it with the true noise, where the guess belongs.")
def true_noise_in_the_reconstruction(model, config, trainset, testset=None):
    clean = lambda noised, noise, guess, *rest: reconstruct(noised, noise, *rest)  # noqa: E731
    return _train(model, config, trainset, testset, clean=clean)


@wrong("You swap noised image and guess in reconstruct.")
def arguments_of_reconstruct_swapped(model, config, trainset, testset=None):
    clean = lambda noised, noise, guess, *rest: reconstruct(guess, noised, *rest)  # noqa: E731
    return _train(model, config, trainset, testset, clean=clean)


@wrong("You only subtract the guess.")
def guess_only_subtracted(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, clean=lambda noised, noise, guess, *rest: noised - guess)


@wrong("You take the noised image for the reconstruction.")
def noised_for_the_reconstruction(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, xt, e, g, xt))(model, config, trainset, testset)


@wrong("You take the guess for the reconstruction.")
def guess_for_the_reconstruction(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, xt, e, g, g))(model, config, trainset, testset)


@wrong("in the place of the guess.\nYou take the true noise for the guess.")
def true_noise_for_the_guess(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, xt, e, e, r))(model, config, trainset, testset)


@wrong("in the place of the noise.\nYou take the guess for the true noise.")
def guess_for_the_noise(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, xt, g, g, r))(model, config, trainset, testset)


@wrong("You swap noise and guess.")
def noise_and_guess_swapped(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, xt, g, e, r))(model, config, trainset, testset)


@wrong("You swap clean and noised images.")
def clean_and_noised_swapped(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (xt, x0, e, g, r))(model, config, trainset, testset)


@wrong("You swap noised images and noise.")
def noised_and_noise_swapped(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, e, xt, g, r))(model, config, trainset, testset)


@wrong("You swap guess and reconstruction.")
def guess_and_reconstruction_swapped(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, xt, e, r, g))(model, config, trainset, testset)


@wrong("You take the clean image for the noised one.")
def clean_for_the_noised(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (x0, x0, e, g, r))(model, config, trainset, testset)


@wrong("You take the noised image for the clean one.")
def noised_for_the_clean(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (xt, xt, e, g, r))(model, config, trainset, testset)


@wrong("You take the reconstruction for the clean image.")
def reconstruction_for_the_clean(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: (r, xt, e, g, r))(model, config, trainset, testset)


@wrong("You pass the same image five times.")
def one_image_five_times(model, config, trainset, testset=None):
    return _with_pictures(lambda x0, xt, e, g, r: [x0] * 5)(model, config, trainset, testset)


@wrong("You denormalise before log_images, which wants [-1, 1].")
def denormalised_before(model, config, trainset, testset=None):
    order = lambda *images: [((image + 1) / 2).clamp(0, 1) for image in images]  # noqa: E731
    return _with_pictures(order)(model, config, trainset, testset)


@wrong("or mix minibatches.")
def pictures_of_another_minibatch(model, config, trainset, testset=None):
    order = lambda x0, xt, e, g, r: (x0.flip(0), xt, e, g, r)  # noqa: E731
    return _with_pictures(order)(model, config, trainset, testset)


@wrong("You reconstruct from the clean image, where the noised one belongs.")
def reconstructs_the_clean_image(model, config, trainset, testset=None):
    def pictures(x0, noised, noise, guess, clean, config):
        num_steps = model.seen
        clean = reconstruct(x0, guess, num_steps, model.noise_schedule)
        return log_images(x0, noised, noise, guess, clean, config["n_images_to_log"])

    def counts(num_steps):
        model.seen = num_steps
        return num_steps

    log = lambda *rest: _log(*rest, pictures=pictures)  # noqa: E731
    return _train(model, config, trainset, testset, log=log, counts=counts)


@wrong("the test loss is taken with gradients on.")
def test_loss_with_gradients(model, config, trainset, testset=None):
    def test(model, images, schedule):
        num_steps, noise, noised = noise_img(images, schedule)
        return F.mse_loss(model(noised, num_steps), noise).detach()

    return _train(model, config, trainset, testset, test=test)


@wrong("for the test loss, the model is shown clean images")
def tests_on_clean_images(model, config, trainset, testset=None):
    def test(model, images, schedule):
        with t.no_grad():
            num_steps, noise, noised = noise_img(images, schedule)
            return F.mse_loss(model(images, num_steps), noise)

    return _train(model, config, trainset, testset, test=test)


@wrong("You take images and timesteps from two calls of noise_img.")
def test_counts_of_another_draw(model, config, trainset, testset=None):
    def test(model, images, schedule):
        with t.no_grad():
            num_steps, noise, noised = noise_img(images, schedule)
            return F.mse_loss(model(noised, num_steps % 4 + 1), noise)

    return _train(model, config, trainset, testset, test=test)


@wrong("7 test images are looked at 15 times, expected 35")
def tests_on_one_minibatch(model, config, trainset, testset=None):
    test = lambda model, images, schedule: _test(model, images[:3], schedule)  # noqa: E731
    return _train(model, config, trainset, testset, test=test)


@wrong("7 test images are looked at 105 times, expected 35")
def tests_after_each_step(model, config, trainset, testset=None):
    def log(run, step, *rest):
        _log(run, step, *rest)
        if testset is not None:
            run.log({"test_loss": _test(model, testset.tensors[0], model.noise_schedule)}, step)

    return _train(model, config, trainset, None, log=log)


@wrong("You log something else than the mean squared error on all test images.")
def test_loss_summed(model, config, trainset, testset=None):
    test = lambda model, images, schedule: len(images) * _test(model, images, schedule)  # noqa: E731
    return _train(model, config, trainset, testset, test=test)


@wrong("You log it at another step than the training loss.")
def test_loss_by_epoch(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, test_step=lambda step, epoch: epoch)


@wrong("logged are train_loss, loss, expected test_loss, too")
def test_loss_under_another_name(model, config, trainset, testset=None):
    log = lambda run, step, *rest: (_log(run, step, *rest), run.log({"loss": 0.0}, step))  # noqa: E731
    if testset is None:
        return _train(model, config, trainset)
    for _ in range(config["epochs"]):
        _train(model, config | {"epochs": 1}, trainset, None, log=log)
        _test(model, testset.tensors[0], model.noise_schedule)
    return model


@wrong("the model is trained in eval mode")
def left_in_eval_mode(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, test=lambda model, *rest: _test(model.eval(), *rest))


@wrong("the minibatches hold 1, 1, 1, 1, ... images, expected batch_size=5.\nYou take one image at a time.")
def one_image_at_a_time(model, config, trainset, testset=None):
    batches = lambda images, size: ((images[row : row + 1],) for row in t.randperm(len(images)))  # noqa: E731
    return _train(model, config, trainset, testset, batches=batches)


@wrong("You take one image at a time.")
def one_image_indexed(model, config, trainset, testset=None):
    batches = lambda images, size: ((images[row],) for row in t.randperm(len(images)))  # noqa: E731
    return _train(model, config, trainset, testset, batches=batches)


@wrong("the minibatches hold 12, 12, 12 images, expected batch_size=5.\nWhere is batch_size used?")
def batch_size_ignored(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, batches=lambda images, size: [(images[t.randperm(len(images))],)])


@wrong("You draw images again.")
def drawn_with_replacement(model, config, trainset, testset=None):
    def batches(images, size):
        for rows in t.randint(len(images), (len(images),)).split(size):
            yield (images[rows],)

    return _train(model, config, trainset, testset, batches=batches)


@wrong("You draw images again.")
def first_minibatch_again_and_again(model, config, trainset, testset=None):
    batches = lambda images, size: [(images[:size],), (images[:size],), (images[:2],)]  # noqa: E731
    return _train(model, config, trainset, testset, batches=batches)


@wrong("You leave the loop over the minibatches early.")
def one_minibatch_an_epoch(model, config, trainset, testset=None):
    batches = lambda images, size: [(images[t.randperm(len(images))[:size]],)]  # noqa: E731
    return _train(model, config, trainset, testset, batches=batches)


@wrong("You shuffle the minibatches, not the images.")
def only_the_minibatches_shuffled(model, config, trainset, testset=None):
    def batches(images, size):
        parts = images.split(size)
        for i in t.randperm(len(parts)).tolist():
            yield (parts[i],)

    return _train(model, config, trainset, testset, batches=batches)


@wrong("You leave the first epoch unshuffled.")
def shuffled_after_the_first_epoch(model, config, trainset, testset=None):
    begun = []

    def batches(images, size):
        rows = t.randperm(len(images)) if begun else t.arange(len(images))
        begun.append(True)
        return [(images[part],) for part in rows.split(size)]

    return _train(model, config, trainset, testset, batches=batches)


@wrong("You set the gradients to zero once an epoch.")
def zeroed_once_an_epoch(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, zero="epoch")


@wrong("You step once an epoch.")
def stepped_once_an_epoch(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, step_at="epoch")


@wrong("You make a new optimizer in each epoch.")
def optimizer_in_the_epoch(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, renew=True)


@wrong("You step twice for each minibatch.")
def stepped_twice(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, steps=2)


@wrong("You give Adam more than lr, or change gradients or weights beside it.")
def other_betas_of_adam(model, config, trainset, testset=None):
    optimizer = lambda m, c: t.optim.Adam(m.parameters(), lr=c["lr"], betas=(0.5, 0.9))  # noqa: E731
    return _train(model, config, trainset, testset, optimizer=optimizer)


@wrong("You use RMSprop.")
def rmsprop(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, optimizer=lambda m, c: t.optim.RMSprop(m.parameters(), c["lr"]))


@wrong("You sum over each image.")
def summed_over_each_image(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt: (g - e).square().sum(dim=(1, 2, 3)).mean()  # noqa: E731
    return _train(model, config, trainset, testset, loss=loss)


@wrong("You halve the loss.")
def halved(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, e) / 2)


@wrong("You take the Huber loss, or smooth L1.")
def huber(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.smooth_l1_loss(g, e))


@wrong("You turn the sign of the loss.")
def climbs(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: -F.mse_loss(g, e))


@wrong("You add the guess to the noise.")
def added_to_the_noise(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: (g + e).square().mean())


@wrong("You compare the guess with 0.")
def compared_with_nothing(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: g.square().mean())


def _seen(loss):
    """A right loop whose loss also gets √ᾱ. loss: guess, noise, x0, xt, ᾱ -> loss"""

    def train(model, config, trainset, testset=None):
        def counts(num_steps):
            model.a = model.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
            return num_steps

        compare = lambda g, e, x0, xt: loss(g, e, x0, xt, model.a)  # noqa: E731
        return _train(model, config, trainset, testset, counts=counts, loss=compare)

    return train


@wrong("You compare the guess with the scaled noise.")
def compares_with_the_scaled_noise(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt, a: F.mse_loss(g, (1 - a).sqrt() * e)  # noqa: E731
    return _seen(loss)(model, config, trainset, testset)


@wrong("You compare the reconstruction with the clean image.")
def compares_clean_images(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt, a: F.mse_loss((xt - (1 - a).sqrt() * g) / a.sqrt(), x0)  # noqa: E731
    return _seen(loss)(model, config, trainset, testset)


@wrong("there is hardly an image in what the model is shown.\nYou show the noise alone.")
def shows_the_noise_alone(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, show=lambda x0, noised: t.randn_like(x0))


@wrong("a model without a schedule still has none")
def schedule_never_kept(model, config, trainset, testset=None):
    if model.noise_schedule is not None:
        return _train(model, config, trainset, testset)
    _train(model, config, trainset, testset)
    model.noise_schedule = None
    return model


@wrong("tensors of two devices meet")
def data_left_where_it_was(model, config, trainset, testset=None):
    batches = lambda images, size: DataLoader(trainset, size, shuffle=True)  # noqa: E731
    return _train(model, config, trainset, testset, batches=batches)


@wrong("tensors of two devices meet")
def noise_on_the_cpu(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt: F.mse_loss(g, e + t.zeros(e.shape))  # noqa: E731
    return _train(model, config, trainset, testset, loss=loss)


def _of(schedule=lambda model: model.noise_schedule, noising=noise_img, **places):
    """A right loop with another way to noise. noising: images, schedule -> timesteps, noise, noised images"""

    def train(model, config, trainset, testset=None):
        own = schedule(model) or model.noise_schedule
        if own is None:
            return _train(model, config, trainset, testset, **places)
        return _train(model, config, trainset, testset, noising=lambda x0, _: noising(x0, own), **places)

    return train


def _seeded(x0, schedule):
    t.manual_seed(0)
    return noise_img(x0, schedule)


@wrong("two steps get the same noise.\nYou set a seed in the loop, or draw noise before it.")
def seed_in_the_loop(model, config, trainset, testset=None):
    return _of(noising=_seeded)(model, config, trainset, testset)


@wrong("two steps get the same noise.\nYou set a seed in the loop, or draw noise before it.")
def noise_drawn_before_the_loop(model, config, trainset, testset=None):
    images = trainset.tensors[0]
    drawn = t.randn_like(images[: config["batch_size"]])

    def noising(x0, schedule):
        num_steps, noise, _ = noise_img(x0, schedule)
        noise = drawn[: len(x0)].to(x0) if len(x0) <= len(drawn) else noise
        a = schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
        return num_steps, noise, a.sqrt() * x0 + (1 - a).sqrt() * noise

    return _of(noising=noising)(model, config, trainset, testset)


@wrong("an image gets the same noise in each epoch.\nYou draw its noise once.")
def noise_of_each_image_fixed(model, config, trainset, testset=None):
    drawn = {}

    def noising(x0, schedule):
        num_steps, noise, _ = noise_img(x0, schedule)
        if not x0.is_meta:
            keys = x0[:, 0, 0, 0].tolist()
            noise = t.stack([drawn.setdefault(key, each) for key, each in zip(keys, noise, strict=True)])
        a = schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
        return num_steps, noise, a.sqrt() * x0 + (1 - a).sqrt() * noise

    return _of(noising=noising)(model, config, trainset, testset)


@wrong("images of a minibatch get the same noise.\nYou draw one noise for all.")
def one_noise_for_the_minibatch(model, config, trainset, testset=None):
    def noising(x0, schedule):
        num_steps, noise, _ = noise_img(x0, schedule)
        a, noise = schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1), noise[:1].expand_as(noise)
        return num_steps, noise, a.sqrt() * x0 + (1 - a).sqrt() * noise

    return _of(noising=noising)(model, config, trainset, testset)


def _noised_to(x0, schedule, num_steps):
    noise, a = t.randn_like(x0), schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
    return num_steps, noise, a.sqrt() * x0 + (1 - a).sqrt() * noise


@wrong("every step gets the same timesteps.\nYou draw timesteps once.")
def timesteps_drawn_before_the_loop(model, config, trainset, testset=None):
    drawn = t.tensor([3, 1, 4, 2, 1]).repeat(30)
    noising = lambda x0, schedule: _noised_to(x0, schedule, drawn[: len(x0)].to(x0.device))  # noqa: E731
    return _of(noising=noising)(model, config, trainset, testset)


@wrong("an image gets the same timestep in each epoch.\nYou draw its timestep once.")
def timestep_of_each_image_fixed(model, config, trainset, testset=None):
    def noising(x0, schedule):
        num_steps = x0[:, 0, 0, 0].long() // 20 % 4 + 1
        return _noised_to(x0, schedule, num_steps)

    return _of(noising=noising)(model, config, trainset, testset)


@wrong("You use another schedule than the model's, with more steps.")
def own_schedule_of_200_steps(model, config, trainset, testset=None):
    own = lambda model: NoiseSchedule(200, config["device"])  # noqa: E731
    return _of(own, clean=lambda noised, *rest: noised)(model, config, trainset, testset)


@wrong("are not noised by the timesteps it is given.\nYou use another schedule than the model's.")
def own_schedule_of_max_steps(model, config, trainset, testset=None):
    own = lambda model: NoiseSchedule(config["max_steps"], config["device"])  # noqa: E731
    return _of(own)(model, config, trainset, testset)


@wrong("timesteps are 1.\nYou give noise_img a max_steps.")
def one_step_of_noise_alone(model, config, trainset, testset=None):
    return _of(noising=lambda x0, schedule: noise_img(x0, schedule, 1))(model, config, trainset, testset)


@wrong("timestep 4 never comes")
def never_the_last_timestep(model, config, trainset, testset=None):
    return _of(noising=lambda x0, schedule: noise_img(x0, schedule, 3))(model, config, trainset, testset)


@wrong("You normalise the images once more. They are in [-1, 1] already.")
def normalises_again(model, config, trainset, testset=None):
    return _of(noising=lambda x0, schedule: noise_img(2 * x0 - 1, schedule))(model, config, trainset, testset)


@wrong("You denormalise the images. They stay in [-1, 1].")
def denormalises(model, config, trainset, testset=None):
    return _of(noising=lambda x0, schedule: noise_img((x0 + 1) / 2, schedule))(model, config, trainset, testset)


def _log_of(change):
    """Logs what change makes of all losses so far and the number of steps in an epoch."""

    def train(model, config, trainset, testset=None):
        losses, length = [], -(-len(trainset) // config["batch_size"])

        def log(run, step, config, value, *images):
            losses.append(value.detach())
            _log(run, step, config, change(losses, (step - 1) // length * length), *images)

        return _train(model, config, trainset, testset, log=log)

    return train


@wrong("You log a mean over the steps so far. Each step logs its own loss.")
def mean_loss_so_far(model, config, trainset, testset=None):
    mean = lambda losses, epoch: t.stack(losses[epoch:]).mean()  # noqa: E731
    return _log_of(mean)(model, config, trainset, testset)


@wrong("You log a mean over the steps so far. Each step logs its own loss.")
def mean_of_ten_losses(model, config, trainset, testset=None):
    return _log_of(lambda losses, epoch: t.stack(losses[-10:]).mean())(model, config, trainset, testset)


@wrong("You log the sum of the losses so far. Each step logs its own loss.")
def sum_of_losses(model, config, trainset, testset=None):
    return _log_of(lambda losses, epoch: t.stack(losses).sum())(model, config, trainset, testset)


@wrong("You log a mean over the steps so far. Each step logs its own loss.")
def smoothed_loss(model, config, trainset, testset=None):
    def smooth(losses, epoch):
        value = losses[0]
        for each in losses[1:]:
            value = 0.9 * value + 0.1 * each
        return value

    return _log_of(smooth)(model, config, trainset, testset)


@wrong("You average the means of parts of different size. Each image counts the same.")
def test_means_averaged(model, config, trainset, testset=None):
    def test(model, images, schedule):
        return t.stack([_test(model, part, schedule) for part in images.split(6)]).mean()

    return _train(model, config, trainset, testset, test=test)


@wrong("You log the last part's loss. All test images count.")
def last_test_part_alone(model, config, trainset, testset=None):
    def test(model, images, schedule):
        for part in images.split(6):
            loss = _test(model, part, schedule)
        return loss

    return _train(model, config, trainset, testset, test=test)


@wrong("You count the steps anew in each epoch.")
def interval_counted_anew_in_each_epoch(model, config, trainset, testset=None):
    length = -(-len(trainset) // config["batch_size"])

    def log(*arguments):
        _log(*arguments, due=lambda step, every: ((step - 1) % length + 1) % every == 0)

    return _train(model, config, trainset, testset, log=log)


@wrong("in 3 epochs, 12 images were shown 5 times, expected 36.\nYou return in the inner loop")
def returns_in_the_inner_loop(model, config, trainset, testset=None):
    return _train(
        model,
        config | {"epochs": 1},
        trainset,
        testset,
        batches=lambda images, size: [(images[t.randperm(len(images))[:size]],)],
    )


@wrong("You return another model than the one that you are given.")
def returns_a_copy(model, config, trainset, testset=None):
    trained = _train(model, config, trainset, testset)
    return Recorder(trained.noise_schedule)


@wrong("You round the learning rate.")
def lr_rounded(model, config, trainset, testset=None):
    optimizer = lambda m, c: t.optim.Adam(m.parameters(), lr=round(c["lr"], 4))  # noqa: E731
    return _train(model, config, trainset, testset, optimizer=optimizer)


@wrong("You use weight decay. The text asks for plain Adam.")
def with_weight_decay(model, config, trainset, testset=None):
    optimizer = lambda m, c: t.optim.Adam(m.parameters(), lr=c["lr"], weight_decay=0.01)  # noqa: E731
    return _train(model, config, trainset, testset, optimizer=optimizer)


@wrong("You clip gradients. Algorithm 1 has no such line.")
def clips_gradients(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            t.nn.utils.clip_grad_norm_([p for group in self.param_groups for p in group["params"]], 1.0)
            super().step()

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("You give Adam more than lr, or change gradients or weights beside it.")
def weights_rounded_in_place(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        @t.no_grad()
        def step(self):
            super().step()
            for p in (p for group in self.param_groups for p in group["params"]):
                p.copy_(p.half())

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("The loss has no gradient to give: the guess is detached, or made under no_grad.")
def guess_detached(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g.detach(), e))


schedule = NoiseSchedule(200, "cpu")  # as another cell leaves it


@wrong("`schedule` is no argument: it comes from another cell.")
def another_cells_schedule(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, noising=lambda x0, _: noise_img(x0, schedule))


@right
def with_its_own_noising(model, config, trainset, testset=None):
    def noising(x0, schedule):
        num_steps = (t.rand(len(x0), device=x0.device) * len(schedule)).long() + 1
        return _noised_to(x0, schedule, num_steps)

    return _of(noising=noising)(model, config, trainset, testset)


@right
def by_scalar_products(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt: t.einsum("bchw,bchw->", g - e, g - e) / e.numel()  # noqa: E731
    return _train(model, config, trainset, testset, loss=loss)


@wrong("3 of a model's 4 parameters are as before.\nYou give the optimizer some of them.")
def first_parameter_alone(model, config, trainset, testset=None):
    optimizer = lambda m, c: t.optim.Adam([next(m.parameters())], lr=c["lr"])  # noqa: E731
    return _train(model, config, trainset, testset, optimizer=optimizer)


@wrong("You sum over the batch.")
def summed_over_the_batch(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt: (g - e).square().flatten(1).mean(dim=1).sum()  # noqa: E731
    return _train(model, config, trainset, testset, loss=loss)


@wrong("Where is the difference squared?")
def mean_of_the_differences(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: (g - e).mean())


@wrong("You square the mean of the differences.")
def square_of_the_mean(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: (g - e).mean() ** 2)


def _weighted(weight):
    def answer(model, config, trainset, testset=None):
        seen = []

        def noising(x0, schedule):
            num_steps, noise, noised = noise_img(x0, schedule)
            seen.append([each(num_steps).reshape(-1, 1, 1, 1) for each in (schedule.alpha, schedule.alpha_bar)])
            return num_steps, noise, noised

        loss = lambda g, e, x0, xt: (weight(*seen[-1]) * (g - e).square()).mean()  # noqa: E731
        return _train(model, config, trainset, testset, loss=loss, noising=noising)

    return answer


@wrong("You weigh the timesteps. Equation 14 gives each a 1.")
def weighed_by_snr(model, config, trainset, testset=None):
    return _weighted(lambda a, bar: bar / (1 - bar))(model, config, trainset, testset)


@wrong("You weigh the timesteps. Equation 14 gives each a 1.")
def weighed_by_min_snr(model, config, trainset, testset=None):
    return _weighted(lambda a, bar: (bar / (1 - bar)).clamp(max=5) * (1 - bar) / bar)(model, config, trainset, testset)


@wrong("You weigh the timesteps. Equation 14 gives each a 1.")
def weighed_as_in_equation_12(model, config, trainset, testset=None):
    return _weighted(lambda a, bar: (1 - a) / (2 * a * (1 - bar)))(model, config, trainset, testset)


@wrong("You make floats of the timesteps")
def float_timesteps(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=lambda n: n.float())


@wrong("numbers of type torch.float64, expected torch.float32.\nYou change the type of the images")
def images_in_float64(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, show=lambda x0, noised: noised.double())


@wrong("or take its results in another order.")
def noise_for_the_timesteps(model, config, trainset, testset=None):
    def noising(x0, schedule):
        num_steps, noise, noised = noise_img(x0, schedule)
        return noise, num_steps, noised

    return _of(noising=noising)(model, config, trainset, testset)


@wrong("before the first step the weight is 0.00000, expected 1, as it was.\nYou set the model's weights.")
def begins_anew(model, config, trainset, testset=None):
    for p in model.parameters():
        t.nn.init.zeros_(p)
    return _train(model, config, trainset, testset)


@wrong("You step after every second minibatch.")
def gradients_of_two_minibatches(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        calls = 0

        def step(self):
            self.calls += 1
            if self.calls % 2 == 0:
                super().step()
                super().zero_grad()

        def zero_grad(self):
            pass

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), lr=c["lr"]))


@wrong("the model is trained in eval mode.\nYou call eval() before it trains.")
def eval_before_training(model, config, trainset, testset=None):
    model.eval()
    return _train(model, config, trainset, testset)


@wrong("The given lines use these names: optimizer, x0")
def other_names(model, config, trainset, testset=None):
    def noising(x0, schedule):
        steps, eps, xt = noise_img(x0, schedule)
        return steps, noise, xt  # noqa: F821

    return _of(noising=noising)(model, config, trainset, testset)


@wrong("You take another learning rate, 0.2 times the lr of the config.")
def rate_for_one_image(model, config, trainset, testset=None):
    optimizer = lambda m, c: t.optim.Adam(m.parameters(), lr=c["lr"] / c["batch_size"])  # noqa: E731
    return _train(model, config, trainset, testset, optimizer=optimizer)


@wrong("You climb: maximize, or")
def maximizes(model, config, trainset, testset=None):
    optimizer = lambda m, c: t.optim.Adam(m.parameters(), lr=c["lr"], maximize=True)  # noqa: E731
    return _train(model, config, trainset, testset, optimizer=optimizer)


@wrong("You change the learning rate on the way.")
def rate_that_falls(model, config, trainset, testset=None):
    class Rule(t.optim.Adam):
        def step(self):
            super().step()
            for group in self.param_groups:
                group["lr"] *= 0.9

    return _train(model, config, trainset, testset, optimizer=lambda m, c: Rule(m.parameters(), c["lr"]))


@wrong("a gradient comes back twice to one guess.\nYou call backward twice for it.")
def two_backward_passes(model, config, trainset, testset=None):
    def loss(guess, noise, x0, noised):
        value = F.mse_loss(guess, noise)
        value.backward(retain_graph=True)
        return value

    return _train(model, config, trainset, testset, loss=loss)


@wrong("You compare the guess with something that holds the image.")
def compares_with_the_change(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, xt - x0))


@wrong("You compare all guesses with one image's noise.")
def compares_with_the_first_noise(model, config, trainset, testset=None):
    loss = lambda g, e, x0, xt: F.mse_loss(g, e[:1].expand_as(g))  # noqa: E731
    return _train(model, config, trainset, testset, loss=loss)


@wrong("You compare the guess with itself.")
def compares_with_itself(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, g.detach()))


@wrong("You clamp the guess. Noise leaves [-1, 1].")
def guess_clamped(model, config, trainset, testset=None):
    clean = lambda noised, e, guess, n, schedule: reconstruct(noised, guess.clamp(-1, 1), n, schedule)  # noqa: E731
    return _train(model, config, trainset, testset, clean=clean)


@wrong("You clamp what the model is shown.")
def noised_images_clamped(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, show=lambda x0, noised: noised.clamp(-1, 1))


@wrong("You bring the images to [0, 1], or clamp them.")
def images_brought_to_0_to_1(model, config, trainset, testset=None):
    noising = lambda x0, schedule: noise_img(((x0 + 1) / 2).clamp(0, 1), schedule)  # noqa: E731
    return _train(model, config, trainset, testset, noising=noising)


@wrong("You give the model zeros.")
def timesteps_of_zero(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, counts=t.zeros_like)


@wrong("all images of a minibatch get the same timestep.\nYou draw one timestep for all.")
def one_timestep_for_all(model, config, trainset, testset=None):
    def noising(x0, schedule):
        num_steps = t.randint(1, len(schedule) + 1, (1,), device=x0.device).expand(len(x0))
        noise, a = t.randn_like(x0), schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
        return num_steps, noise, a.sqrt() * x0 + (1 - a).sqrt() * noise

    return _train(model, config, trainset, testset, noising=noising)


@wrong("The loss is many numbers. Where is their mean?")
def loss_of_every_number(model, config, trainset, testset=None):
    return _train(model, config, trainset, testset, loss=lambda g, e, x0, xt: F.mse_loss(g, e, reduction="none"))


EQUIVALENT = {
    "what does not need the line before it may come before it": [
        "optimizer = t.optim.Adam(model.parameters(), lr=config['lr']) -> after step = 0",
        "loss = F.mse_loss(noise_pred, noise) -> after optimizer.zero_grad()",
        "optimizer.step() -> after step += 1",
    ],
    "a shuffled order minus 1 is a shuffled order, as row -1 is the last": [
        "x0 = images[rows] -> x0 = images[rows - 1]",
    ],
    "the squared error is the same from both sides": [
        "loss = F.mse_loss(noise_pred, noise) -> loss = F.mse_loss(noise, noise_pred)",
    ],
}
