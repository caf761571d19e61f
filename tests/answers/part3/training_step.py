import torch as t
from torch import nn

from tests.answers import right, wrong


@right
def as_the_hint_says(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    average.update(model)


@right
def emptied_afterwards(loss, lr, model, optimizer, average):
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    average.update(model)
    model.zero_grad()


@right
def clipped_by_hand(loss, lr, model, optimizer, average):
    model.zero_grad(set_to_none=False)
    loss.backward()
    length = sum(p.grad.square().sum() for p in model.parameters()).sqrt()
    for p in model.parameters():
        p.grad *= (1 / length).clamp(max=1)
    optimizer.param_groups[0].update(lr=lr)
    optimizer.step()
    average.update(model)


@right
def gradients_asked_for(loss, lr, model, optimizer, average):
    parameters = list(model.parameters())
    for p, gradient in zip(parameters, t.autograd.grad(loss, parameters), strict=True):
        p.grad = gradient
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.param_groups[-1]["lr"] = lr
    optimizer.step()
    average.update(model)


def _step(loss, lr, model, optimizer, average, clip=nn.utils.clip_grad_norm_, length=1.0, **options):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    clip(model.parameters(), length, **options)
    optimizer.step()
    average.update(model)


@wrong("The weights never change.")
def emptied_too_late(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    average.update(model)


@wrong("The weights never change.")
def no_backward(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    optimizer.step()
    average.update(model)


@wrong("All steps have the rate that the optimizer began with.")
def an_attribute_of_its_own(loss, lr, model, optimizer, average):
    optimizer.lr = lr
    _step(loss, optimizer.param_groups[0]["lr"], model, optimizer, average)


@wrong("Where does lr reach it? And where is it clipped?")
def as_in_part_1(loss, lr, model, optimizer, average):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    average.update(model)


@wrong("You set lr after the step, so each step has the rate of the step before.")
def rate_set_at_the_end(loss, lr, model, optimizer, average):
    _step(loss, optimizer.param_groups[0]["lr"], model, optimizer, average)
    optimizer.param_groups[0]["lr"] = lr


@wrong("You multiply the rate by lr. It is lr.")
def rate_as_a_factor(loss, lr, model, optimizer, average):
    _step(loss, 0.9 * lr, model, optimizer, average)  # 0.9: what the optimizer began with


@wrong("Where are the gradients of earlier steps emptied?")
def never_emptied(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    average.update(model)


@wrong("backward adds to what is there. And where is it clipped?")
def neither_emptied_nor_clipped(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    loss.backward()
    optimizer.step()
    average.update(model)


@wrong("Where is the model's own gradient clipped in place, between backward and step?")
def clipped_before_backward(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    loss.backward()
    optimizer.step()
    average.update(model)


@wrong("Where is the model's own gradient clipped in place, between backward and step?")
def clipped_after_the_step(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    average.update(model)


@wrong("You clip each number of the gradient by itself.")
def values_clipped(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, clip=nn.utils.clip_grad_value_)


@wrong("You clip each parameter's gradient by itself.")
def each_clipped(loss, lr, model, optimizer, average):
    def clip(parameters, length):
        for p in parameters:
            nn.utils.clip_grad_norm_(p, length)

    _step(loss, lr, model, optimizer, average, clip=clip)


@wrong("You make short gradients longer, or the loss much larger.")
def always_length_1(loss, lr, model, optimizer, average):
    def clip(parameters, length):
        parameters = list(parameters)
        now = t.cat([p.grad.flatten() for p in parameters]).norm()
        for p in parameters:
            p.grad *= length / now

    _step(loss, lr, model, optimizer, average, clip=clip)


@wrong("You take the sum of all sizes for the length.")
def sum_of_sizes(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, norm_type=1)


@wrong("You take the largest size for the length.")
def largest_size(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, norm_type=float("inf"))


@wrong("You clip to length 2. Which length is asked for?")
def too_long(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, length=2.0)


@wrong("You take two steps at once.")
def two_steps(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.step()
    average.update(model)


@wrong("You go up the gradient. The step goes down.")
def uphill(loss, lr, model, optimizer, average):
    _step(-loss, lr, model, optimizer, average)


@wrong("You take the step by hand")
def by_hand(loss, lr, model, optimizer, average):
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    with t.no_grad():
        for p in model.parameters():
            p -= lr * p.grad
    average.update(model)


class _Silent:
    def update(self, model): ...


@wrong("The weights are right. Where is the given average updated?")
def average_forgotten(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, _Silent())


@wrong("You update the average before the step.")
def average_too_early(loss, lr, model, optimizer, average):
    average.update(model)
    _step(loss, lr, model, optimizer, _Silent())


@wrong("You update it once before the step and once after it.")
def average_on_both_sides(loss, lr, model, optimizer, average):
    average.update(model)
    _step(loss, lr, model, optimizer, average)


@wrong("You update it twice.")
def average_twice(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average)
    average.update(model)


@wrong("average.update gets a SGD, expected the model")
def average_of_the_optimizer(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, _Silent())
    average.update(optimizer)


# ------------------------------------------------------------------------------------------------ from the field


@right
def every_group(loss, lr, model, optimizer, average):
    for group in optimizer.param_groups:
        group["lr"] = lr
    loss.backward()
    nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], max_norm=1)
    optimizer.step()
    optimizer.zero_grad()  # for the next one
    average.update(model)


@wrong("You multiply the loss by lr.")
def loss_times_lr(loss, lr, model, optimizer, average):
    _step(lr * loss, lr, model, optimizer, average)


@wrong("You let step 2 use a gradient that's 0.2 long, if its rate is lr. Clipped, it's 1 long.")
def clipped_to_the_rate(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), lr)
    optimizer.step()
    average.update(model)


@wrong("You let step 2 use a gradient that's [")
def the_first_parameter_clipped(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(next(model.parameters()), 1.0)
    optimizer.step()
    average.update(model)


@wrong("You leave step 2 out. Each loss leads to a step.")
def slow_steps_left_out(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if lr > 0.3:
        optimizer.step()
    average.update(model)


@wrong("You clip the loss. Its gradient is clipped.")
def loss_clipped_too(loss, lr, model, optimizer, average):
    _step(loss.clamp(max=1.0), lr, model, optimizer, average)


@wrong("You clip the loss. Its gradient is clipped.")
def loss_clipped(loss, lr, model, optimizer, average):
    _step(loss.clamp(max=1.0), lr, model, optimizer, average, length=1e9)


@wrong("You put the average into the model.")
def average_adopted(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average)
    model.load_state_dict(average.model.state_dict())


@wrong("You average the average.")
def average_of_itself(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, _Silent())
    average.update(average.model)


@wrong("or with a new optimizer.")
def new_optimizer(loss, lr, model, optimizer, average):
    _step(loss, lr, model, t.optim.SGD(model.parameters(), lr=lr, momentum=0.5), average)


@wrong("Where is the model's own gradient clipped in place, between backward and step?")
def gradient_of_the_average_clipped(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, clip=lambda *given: _clip_of(average.model))


def _clip_of(model):
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


@wrong("You change the average otherwise, too.")
def updates_counted_twice(loss, lr, model, optimizer, average):
    average.updates += 1
    _step(loss, lr, model, optimizer, average)


@wrong("You clip to length 0.1. Which length is asked for?")
def too_short(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, length=0.1)


@wrong("You multiply the rate by lr. It is lr.")
def rate_multiplied_again_and_again(loss, lr, model, optimizer, average):
    _step(loss, optimizer.param_groups[0]["lr"] * lr, model, optimizer, average)


@wrong("You multiply the loss by lr.")
def loss_times_lr_for_the_rate(loss, lr, model, optimizer, average):
    _step(lr * loss, optimizer.param_groups[0]["lr"], model, optimizer, average)


@wrong("You make the gradient 2 times as large, by one more backward")
def backward_twice(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    average.update(model)


@wrong("or with a new optimizer.")
def new_adam(loss, lr, model, optimizer, average):
    _step(loss, lr, model, t.optim.Adam(model.parameters(), lr=lr), average)


@wrong("You clip the weights. The gradient is clipped.")
def weights_clipped(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, length=1e9)
    with t.no_grad():
        for p in model.parameters():
            p.clamp_(-1, 1)


@wrong("You leave a step out where the gradient is long.")
def odd_batches_skipped(loss, lr, model, optimizer, average):
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    if t.cat([p.grad for p in model.parameters()]).norm() > 1:
        return
    optimizer.step()
    average.update(model)


@wrong("You take the squared length. Where is its root?")
def squared_length(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, clip=_divided_by(lambda gradient: (gradient**2).sum()))


@wrong("You average the squares.")
def root_of_the_mean_square(loss, lr, model, optimizer, average):
    _step(loss, lr, model, optimizer, average, clip=_divided_by(lambda gradient: (gradient**2).mean() ** 0.5))


def _divided_by(length_of):
    def clip(parameters, length):
        parameters = list(parameters)
        now = length_of(t.cat([p.grad for p in parameters]))
        for p in parameters:
            p.grad /= now.clamp(min=length)

    return clip


@wrong("or the loss much larger.")
def loss_scaled(loss, lr, model, optimizer, average):
    _step(65536 * loss, lr, model, optimizer, average)


@wrong("You make the gradient 0.25 times as large")
def loss_of_a_share(loss, lr, model, optimizer, average):
    _step(loss / 4, lr, model, optimizer, average)


@wrong("You take 0.1 times lr for the rate.")
def tenth_of_the_rate(loss, lr, model, optimizer, average):
    _step(loss, lr / 10, model, optimizer, average)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "the rate counts when the step is taken": [
        "optimizer.param_groups[0]['lr'] = lr -> after optimizer.zero_grad()",
    ],
    "there is one group": [
        "optimizer.param_groups[0]['lr'] = lr -> optimizer.param_groups[0 - 1]['lr'] = lr",
        "optimizer.param_groups[0]['lr'] = lr -> optimizer.param_groups[-1]['lr'] = lr",
    ],
}
