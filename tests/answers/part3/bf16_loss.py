import copy
from contextlib import ExitStack

import torch as t
import torch.nn.functional as F
from einops import einsum
from torch import nn

from tests.answers import right, wrong


def _guess(model, noised, num_steps, dtype=t.bfloat16, **settings):
    with t.autocast(noised.device.type, dtype, **settings):
        return model.network(noised, num_steps)


# ------------------------------------------------------------------------------------------------ right


@right
def in_a_block(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@right
def decorated(model, x0, num_steps, noise, noised):
    @t.autocast(noised.device.type, t.bfloat16)
    def ask():
        return model.network(images=noised, num_steps=num_steps)

    return nn.MSELoss()(model.target(x0, noise, num_steps), ask().to(t.float32))


@right
def context_made_before(model, x0, num_steps, noise, noised):
    target = model.target(x0=x0, noise=noise, num_steps=num_steps)
    half = t.amp.autocast(device_type=x0.device.type, dtype=t.bfloat16, cache_enabled=False)
    with half:
        guess = model.network(noised, num_steps).float()
    return (target - guess).pow(2).mean()


@right
def promoted(model, x0, num_steps, noise, noised):
    """PyTorch itself makes float32 of bfloat16 and float32."""
    return F.mse_loss(_guess(model, noised, num_steps), model.target(x0, noise, num_steps))


@right
def difference_promoted(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps) - model.target(x0, noise, num_steps)).square().mean()


@right
def switched_off_inside(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        guess = model.network(noised, num_steps)
        with t.autocast(noised.device.type, enabled=False):
            return F.mse_loss(model.target(x0, noise, num_steps), guess.float())


@right
def by_hand(model, x0, num_steps, noise, noised):
    device = noised.device.type
    before = t.is_autocast_enabled(device), t.get_autocast_dtype(device)
    t.set_autocast_dtype(device, t.bfloat16)
    t.set_autocast_enabled(device, True)
    try:
        guess = model.network(noised, num_steps)
    finally:
        t.set_autocast_enabled(device, before[0])
        t.set_autocast_dtype(device, before[1])
    t.clear_autocast_cache()
    return t.mean((guess.float() - model.target(x0, noise, num_steps)) ** 2)


@right
def on_a_stack(model, x0, num_steps, noise, noised):
    with ExitStack() as stack:
        stack.enter_context(t.autocast(noised.device.type, t.bfloat16))
        guess = model.network.forward(noised, num_steps)
    gap = (guess.type_as(x0) - model.target(x0, noise, num_steps)).flatten()
    return gap @ gap / gap.numel()


@right
def double_precision(model, x0, num_steps, noise, noised):
    gap = _guess(model, noised, num_steps).double() - model.target(x0, noise, num_steps).double()
    return (einsum(gap, gap, "b c h w, b c h w -> ") / gap.numel()).float()


@right
def image_by_image(model, x0, num_steps, noise, noised):
    guesses, targets = _guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps)
    return t.stack([F.mse_loss(guess, target) for guess, target in zip(guesses, targets, strict=True)]).mean()


@right
def sum_over_count(model, x0, num_steps, noise, noised):
    target = model.target(x0, noise, num_steps)
    return F.mse_loss(_guess(model, noised, num_steps).float(), target, reduction="sum") / target.numel()


@right
def norm_squared(model, x0, num_steps, noise, noised):
    gap = _guess(model, noised, num_steps).float().sub_(model.target(x0, noise, num_steps))  # in place, on its own
    return t.linalg.vector_norm(gap).square() / gap.numel()


@right
def device_of_the_weights(model, x0, num_steps, noise, noised):
    device = next(model.parameters()).device.type
    with t.autocast(device_type=device, dtype=t.bfloat16, enabled=True):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@right
def device_of_the_schedule(model, x0, num_steps, noise, noised):
    with t.autocast(str(model.noise_schedule.device).split(":")[0], t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.to(x0.dtype), model.target(x0, noise, num_steps), reduction="mean")


@right
def gpu_or_cpu(model, x0, num_steps, noise, noised):
    with t.autocast("cuda" if noised.is_cuda else "cpu", t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@right
def autocast_of_the_device(model, x0, num_steps, noise, noised):
    target = model.target(x0, noise, num_steps).detach()
    autocast = {"cuda": t.autocast("cuda", t.bfloat16), "cpu": t.autocast("cpu", t.bfloat16)}
    with autocast[x0.device.type]:
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), target)


# ------------------------------------------------------------------------------------------------ wrong precision


@wrong("the network computes in torch.float32, expected torch.bfloat16")
def no_autocast(model, x0, num_steps, noise, noised):
    return F.mse_loss(model.network(noised, num_steps), model.target(x0, noise, num_steps))


@wrong("the network computes in torch.float32")
def autocast_without_with(model, x0, num_steps, noise, noised):
    t.autocast(noised.device.type, t.bfloat16)
    return F.mse_loss(model.network(noised, num_steps), model.target(x0, noise, num_steps))


@wrong("Where is the autocast that it's asked in?")
def cuda_hard_coded(model, x0, num_steps, noise, noised):
    with t.autocast("cuda", t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("the network computes in torch.float32")
def asked_after_the_block(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        target = model.target
    return F.mse_loss(model.network(noised, num_steps), target(x0, noise, num_steps))


@wrong("the network computes in torch.float32")
def disabled(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps, enabled=False), model.target(x0, noise, num_steps))


@wrong("the network computes in torch.float32")
def only_the_answer_cast(model, x0, num_steps, noise, noised):
    return F.mse_loss(model.network(noised, num_steps).bfloat16().float(), model.target(x0, noise, num_steps))


@wrong("the network computes in torch.float16, expected torch.bfloat16.\nYou take the other type of 16 bits.")
def float16(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps, t.float16).float(), model.target(x0, noise, num_steps))


@wrong("Where is autocast told which type to take?")
def no_type(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("noised is on a GPU, and autocast is turned on for the CPU")
def cpu_hard_coded(model, x0, num_steps, noise, noised):
    with t.autocast("cpu", t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("noised is on a GPU, and autocast is turned on for the CPU")
def cpu_autocast_of_old(model, x0, num_steps, noise, noised):
    with t.amp.autocast_mode.autocast("cpu", dtype=t.bfloat16):
        guess = model.network(noised, num_steps).float()
    return ((guess - model.target(x0, noise, num_steps)) ** 2).mean()


@wrong("ValueError: Expected `device_type` of type `str`")
def device_itself(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device, t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("model.target is asked under autocast.\nYou ask it inside of the with block, which ends after the guess.")
def all_under_autocast(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        return F.mse_loss(model.network(noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("model.target is asked under autocast")
def function_decorated(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        return ((model.network(noised, num_steps) - model.target(x0, noise, num_steps)) ** 2).mean()


@wrong("You cast the model.")
def model_cast(model, x0, num_steps, noise, noised):
    guess = model.to(t.bfloat16).network(noised.bfloat16(), num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("the network runs with weights of type torch.float16")
def halved(model, x0, num_steps, noise, noised):
    model.half()
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("the network runs with weights of type torch.bfloat16")
def copy_cast(model, x0, num_steps, noise, noised):
    guess = copy.deepcopy(model.network).bfloat16()(noised.bfloat16(), num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("the network gets images of type torch.bfloat16, expected torch.float32")
def images_cast(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised.bfloat16(), num_steps).float(), model.target(x0, noise, num_steps))


@wrong("Where is the guess turned into float32, before it's compared?")
def loss_in_bfloat16(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps), model.target(x0, noise, num_steps).bfloat16())


@wrong("the loss is of type torch.bfloat16")
def loss_cast(model, x0, num_steps, noise, noised):
    return in_a_block(model, x0, num_steps, noise, noised).bfloat16()


@wrong("You compute the loss in bfloat16, and cast it at the end.")
def cast_too_late(model, x0, num_steps, noise, noised):
    guess = _guess(model, noised, num_steps)
    return F.mse_loss(guess, model.target(x0, noise, num_steps).to(guess.dtype)).float()


@wrong("You round the target to bfloat16.")
def target_rounded(model, x0, num_steps, noise, noised):
    guess = _guess(model, noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps).to(guess).float())


@wrong("You round x0 and noise to bfloat16.")
def inputs_rounded(model, x0, num_steps, noise, noised):
    target = model.target(x0.bfloat16(), noise.bfloat16(), num_steps)
    return F.mse_loss(_guess(model, noised, num_steps).float(), target)


@wrong("You return float64.")
def still_double(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).double(), model.target(x0, noise, num_steps).double())


@wrong("autocast is still on when the function has returned")
def left_on(model, x0, num_steps, noise, noised):
    target = model.target(x0, noise, num_steps)
    t.set_autocast_dtype(noised.device.type, t.bfloat16)
    t.set_autocast_enabled(noised.device.type, True)
    return F.mse_loss(model.network(noised, num_steps).float(), target)


# ------------------------------------------------------------------------------------------------ wrong comparison


@wrong("You compare the guess with the noise.")
def against_the_noise(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), noise)


@wrong("You compare the guess with x0.")
def against_the_image(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), x0)


@wrong("You compare the guess with noised.")
def against_the_noised(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), noised)


@wrong("You swap x0 and noise on their way to model.target.")
def target_swapped(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(noise, x0, num_steps))


@wrong("You give model.target noised for x0.")
def target_of_noised(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(noised, noise, num_steps))


@wrong("You give model.target noised for the noise.")
def target_of_noised_as_noise(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noised, num_steps))


@wrong("You ask the model, which guesses noise.")
def model_asked(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        guess = model(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("You take Part 1's loss, of the model and the noise")
def loss_of_part_1(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        guess = model(noised, num_steps)
    return F.mse_loss(guess.float(), noise)


@wrong("Where is the square?")
def not_squared(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).mean()


@wrong("You square twice.")
def squared_twice(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).square().square().mean()


@wrong("You square the mean. Each error is squared.")
def mean_squared(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).mean() ** 2


@wrong("You take a sum. The loss is a mean.")
def summed(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps), reduction="sum")


@wrong("You take the mean over the batch alone.")
def mean_of_sums(model, x0, num_steps, noise, noised):
    gap = _guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)
    return gap.square().flatten(1).sum(dim=1).mean()


@wrong("returns a tensor of shape (2, 4, 5), expected shape ()")
def mean_over_the_batch(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).square().mean(dim=0)


@wrong("returns a tensor of shape (3, 2, 4, 5), expected shape ()")
def no_mean(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)) ** 2


@wrong("returns a tensor of shape (3,), expected shape ().\nWhere is the mean of all squared errors?")
def loss_of_each_image(model, x0, num_steps, noise, noised):
    gap = _guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)
    return gap.square().mean(dim=(1, 2, 3))


@wrong("You take the absolute error. It's squared.")
def absolute(model, x0, num_steps, noise, noised):
    return F.l1_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("You take a mix of squared and absolute error.")
def huber(model, x0, num_steps, noise, noised):
    return F.huber_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("You take a root of the loss.")
def root(model, x0, num_steps, noise, noised):
    return in_a_block(model, x0, num_steps, noise, noised).sqrt()


@wrong("You take the length of the error, as norm does.")
def norm(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).norm()


@wrong("You halve the loss.")
def half(model, x0, num_steps, noise, noised):
    return in_a_block(model, x0, num_steps, noise, noised) / 2


@wrong("You add the target to the guess. It's taken away.")
def target_added(model, x0, num_steps, noise, noised):
    return (_guess(model, noised, num_steps).float() + model.target(x0, noise, num_steps)).square().mean()


# ------------------------------------------------------------------------------------------------ wrong question


@wrong("the network is shown x0, expected noised.\nYou show it the wrong one of the three.")
def clean_images(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, x0, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("the network is shown noise, expected noised")
def noise_alone(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noise, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("the network is shown other images, expected noised.\nYou change noised on the way")
def noised_clamped(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised.clamp(-1, 1), num_steps).float(), model.target(x0, noise, num_steps))


@wrong("You take 1 away.")
def rows(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps - 1).float(), model.target(x0, noise, num_steps))


@wrong("You change num_steps on the way.")
def one_count(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps[0].item()).float(), model.target(x0, noise, num_steps))


@wrong("You swap its two arguments, or leave one out.")
def question_swapped(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, num_steps, noised).float(), model.target(x0, noise, num_steps))


@wrong("the network is asked 2 times, expected once.\nYou ask it again, though its first answer can be kept.")
def asked_twice(model, x0, num_steps, noise, noised):
    _guess(model, noised, num_steps)
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("You ask it once more, outside of the with block. Keep its first answer.")
def asked_once_more_outside(model, x0, num_steps, noise, noised):
    _guess(model, noised, num_steps)
    return F.mse_loss(model.network(noised, num_steps), model.target(x0, noise, num_steps))


@wrong("the network is asked 0 times, expected once.\nWhere is model.network asked?")
def never_asked(model, x0, num_steps, noise, noised):
    return F.mse_loss(noised, model.target(x0, noise, num_steps))


# ------------------------------------------------------------------------------------------------ wrong gradient


@wrong("no gradient goes back to the weights.\nYou ask the network under no_grad.")
def no_grad(model, x0, num_steps, noise, noised):
    with t.no_grad():
        guess = _guess(model, noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("You cut the loss off from the guess, with detach, .data or a tensor made anew.")
def detached(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).detach().float(), model.target(x0, noise, num_steps))


@wrong("You cut the loss off from the guess, with detach, .data or a tensor made anew.")
def gradient_required_too_late(model, x0, num_steps, noise, noised):
    return t.tensor(in_a_block(model, x0, num_steps, noise, noised).item(), requires_grad=True)


@wrong("it returns a float, expected one tensor.\nYou make a plain number of it, which has no gradient.")
def item(model, x0, num_steps, noise, noised):
    return in_a_block(model, x0, num_steps, noise, noised).item()


@wrong("the weights have a gradient already.\nYou call backward inside. That's left to the training.")
def backward_called(model, x0, num_steps, noise, noised):
    loss = in_a_block(model, x0, num_steps, noise, noised)
    loss.backward()
    return loss


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("it changes the noised it is given")
def noised_reused(model, x0, num_steps, noise, noised):
    guess = _guess(model, noised, num_steps)
    return noised.copy_(guess).sub_(model.target(x0, noise, num_steps)).square().mean()


@wrong("it changes the noise it is given")
def noise_in_place(model, x0, num_steps, noise, noised):
    loss = in_a_block(model, x0, num_steps, noise, noised)
    noise.zero_()
    return loss


@wrong("returns None.\nWhere does the function return something?")
def no_return(model, x0, num_steps, noise, noised):
    in_a_block(model, x0, num_steps, noise, noised)


@wrong("it returns a tuple, expected one tensor.\nYou return one thing too many.")
def loss_and_guess(model, x0, num_steps, noise, noised):
    return in_a_block(model, x0, num_steps, noise, noised), noised


# ------------------------------------------------------------------------------------------------ from the field


@right
def target_without_gradients(model, x0, num_steps, noise, noised):
    with t.no_grad():
        target = model.target(x0, noise, num_steps)
    return F.mse_loss(_guess(model, noised, num_steps).float(), target)


@right
def mean_of_each_image(model, x0, num_steps, noise, noised):
    """All images have as many pixels, so it is the same mean."""
    errors = (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).square()
    return errors.flatten(1).mean(dim=1).mean()


@wrong("You multiply the loss by 65536. That's what a GradScaler is for")
def scaler_left_over(model, x0, num_steps, noise, noised):
    return 65536 * F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("You multiply the loss by 1024. That's what a GradScaler is for")
def scaled_by_hand(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps)) * 2.0**10


@wrong("You divide the loss by 4.")
def for_four_batches(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps)) / 4


@wrong("You add up the losses of the images.")
def sum_of_means(model, x0, num_steps, noise, noised):
    guess, target = _guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps)
    return sum(F.mse_loss(*pair) for pair in zip(guess, target, strict=True))


@wrong("or weigh by ᾱ")
def weighed(model, x0, num_steps, noise, noised):
    errors = (_guess(model, noised, num_steps).float() - model.target(x0, noise, num_steps)).square()
    return (model.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1) * errors).mean()


@wrong("You cast them to torch.bfloat16, which holds few digits.")
def timesteps_cast(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps.bfloat16()).float(), model.target(x0, noise, num_steps))


@wrong("the weights of the network have changed")
def weights_rounded_in_place(model, x0, num_steps, noise, noised):
    with t.no_grad():
        for p in model.parameters():
            p.copy_(p.bfloat16())
    return F.mse_loss(_guess(model, noised, num_steps).float(), model.target(x0, noise, num_steps))


@wrong("You cut a part of the guess off")
def half_detached(model, x0, num_steps, noise, noised):
    guess = _guess(model, noised, num_steps).float()
    return F.mse_loss((guess + guess.detach()) / 2, model.target(x0, noise, num_steps))


target = t.zeros(3, 2, 4, 5)  # as another cell may have left it


@wrong("`target` is no argument: it comes from another cell.")
def target_left_over(model, x0, num_steps, noise, noised):
    return F.mse_loss(_guess(model, noised, num_steps).float(), target)


@wrong("or draw noise anew")
def noised_anew(model, x0, num_steps, noise, noised):
    a = model.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
    noise = t.randn_like(x0)
    guess = _guess(model, a.sqrt() * x0 + (1 - a).sqrt() * noise, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("You call eval.")
def set_to_eval(model, x0, num_steps, noise, noised):
    model.network.eval()
    return in_a_block(model, x0, num_steps, noise, noised)


@wrong("You clip the guess.")
def guess_clipped(model, x0, num_steps, noise, noised):
    with t.autocast(noised.device.type, t.bfloat16):
        guess = model.network(noised, num_steps).clamp(-1, 1)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))


@wrong("You freeze the weights.")
def frozen(model, x0, num_steps, noise, noised):
    model.network.requires_grad_(False)
    return in_a_block(model, x0, num_steps, noise, noised)


@wrong("You swap its arguments. They're x0, noise and num_steps.")
def target_in_the_order_of_the_loss(model, x0, num_steps, noise, noised):
    guess = _guess(model, noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, num_steps, noise))


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "a squared error is the same both ways": [
        "return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))"
        " -> return F.mse_loss(model.target(x0, noise, num_steps), guess.float())",
    ],
    "of bfloat16 and float32, PyTorch makes float32 by itself": [
        "return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))"
        " -> return F.mse_loss(guess, model.target(x0, noise, num_steps))",
    ],
}
