"""The check of 2.11 UNet."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import combinations, pairwise

import torch as t
from torch import nn

from solutions.part2_unet import UNetConfig
from tests.checking import (
    Mistake,
    check,
    close,
    everything,
    expect_tensor,
    globals_used,
    is_3x3,
    judge_device,
    judge_form,
    judge_given,
    judge_saving,
    judge_training,
    judge_ways,
    listed,
    make,
    nothing,
    recognise,
    silence,
    unchanged,
)


def is_4x4(name: str, p: t.Tensor) -> bool:
    return p.shape[2:] == (4, 4)


def config(img_shape: tuple = (1, 4, 6), dim_mults: tuple = (1,), **settings) -> UNetConfig:
    return UNetConfig(img_shape, dim_mults=dim_mults, **({"channels": 8, "groups": 4, "max_steps": 1000} | settings))


CONDITION_MISTAKES = [  # what blocks get for step_emb. e: without a condition   c: the condition   z: with one of zeros
    ("Where does it get the condition? All blocks get the same step_emb.", lambda e, c, z: e),
    ("You use the first image's condition for all. Each image has its own.", lambda e, c, z: e + c[:1]),
    ("You average the condition over the batch. Each image has its own.", lambda e, c, z: e + c.mean(dim=0)),
    ("You replace the timestep by the condition. It's added.", lambda e, c, z: c),
    ("You multiply step_emb by the condition. It's added.", lambda e, c, z: e * c),
    ("You multiply step_emb by the condition. It's added.", lambda e, c, z: e * (1 + c)),
    ("You subtract the condition. It's added.", lambda e, c, z: e - c),
    ("You add the condition twice.", lambda e, c, z: e + 2 * c),
    ("You halve the sum. The condition is added, and that's all.", lambda e, c, z: (e + c) / 2),
    ("You use an activation after the sum. There's none.", lambda e, c, z: nn.functional.silu(e + c)),
    ("You add something where condition is None. None adds nothing.", lambda e, c, z: z + c),
]


BEND_MISTAKES = [  # what bends z and -z gives for the sum of both, where their difference is d
    ("You use a GELU between the two Linear layers. It's SiLU.", lambda d: d * t.erf(d / 2**0.5)),
    ("You use a tanh between the two Linear layers. It's SiLU.", t.zeros_like),
    ("You use a sigmoid between the two Linear layers. It's SiLU.", t.ones_like),
]


MEANINGS = [  # of PyTorch's words, where they come out of the whole network
    ("got (tuple", "A DownBlock returns two things, x and its skip."),
    ("number of dimensions: got 4 and 2", "An UpBlock takes x, step_emb and skip, in this order."),
    ("index out of range in self", "You use a table with a row for each timestep. Sinusoids embed them."),
    ("is out of bounds for dimension 0", "You use a table with a row for each timestep. Sinusoids embed them."),
]


@check("2.11", mistakes=CONDITION_MISTAKES + BEND_MISTAKES)
def check_UNet(answer: Callable) -> str:
    judge_what_there_is(answer)
    no_condition = judge_arguments(answer)  # of an answer from before there was one: what else is wrong comes first
    judge_given(answer(config()), img_shape=(1, 4, 6), noise_schedule=None)
    counts, formed = t.tensor([1, 500, 1000]), []
    for shape, mults in [((3, 8, 12), (1, 2)), ((1, 12, 8), (1, 1, 1)), ((2, 5, 7), (2,))]:
        inputs, settings = [t.randn(3, *shape), counts], (config(shape, mults),)
        path = judge_path(answer(*settings), inputs, len(mults))
        try:
            if len(mults) == 3:
                with t.no_grad():
                    model = make(answer, *settings, inputs=inputs)
                    expect_tensor(model(*inputs), (3, *shape), f"for {(3, *shape)} and {(3,)} it")
            else:
                formed.append((inputs, *judge_form(answer, settings, inputs, [(3, *shape)], NAMES)))
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            if f"but got {shape[0]} channels" in str(error):
                path = "You write out the number of the images' channels. config.img_shape begins with it."
            elif "channels, but got" in str(error):
                judge_init(answer)
                path += " Where do its widths come from the config, as in the table?" if path.endswith(").") else ""
            for words, meaning in MEANINGS:
                path = meaning if words in str(error) else path
            error.add_note(f"The check made it for images of shape {shape} and dim_mults {mults}.")
            if path:
                error.add_note(path)
            raise
        except Mistake as mistake:
            if mistake.facts.endswith(f"a tensor of shape {(3, 1, *shape[1:])}, expected shape {(3, *shape)}"):
                mistake.question = "You write out the number of the images' channels. config.img_shape begins with it."
            raise
    with t.no_grad():
        judge_output(answer)  # first: behind an activation, not all may learn, and not even the counts may show
        if not no_condition:
            judge_condition(answer)
    for inputs, model, results in formed:
        if any(p.ndim == 2 and max(p.shape) >= 1000 for p in model.parameters()):
            judge_table(model, inputs)
        judge_training(model, inputs)
    if not no_condition:
        judge_condition_learns(answer)
    judge_saving(answer, settings, model, inputs, results)
    if not no_condition:
        judge_device(lambda config: up_to_its_blocks(answer(config)), settings, inputs)
    judge_device(answer, settings, inputs if no_condition else [*inputs, t.randn(3, 32)])
    with t.no_grad():
        judge_counts(answer)
        judge_blocks(answer)
    judge_skips(answer)
    judge_chain(*formed[0][1::-1])
    judge_config(answer)
    inputs = [t.randn(2, 1, 4, 6), t.tensor([3, 700]), t.randn(2, 32)][: 2 if no_condition else 3]
    judge_ways(make(answer, config((1, 4, 6), (1, 1)), inputs=inputs), inputs, NAMES[: len(inputs)])
    if no_condition:
        raise no_condition
    return (
        "any image size, every timestep, a condition, no missing block, each skip at its place, attention at its levels"
    )


def judge_what_there_is(answer: Callable) -> None:
    """As long as forward isn't written, judge what __init__ makes."""
    try:
        model = answer(config())
    except TypeError as error:
        if "'NoneType' object" in str(error):
            error.add_note("config.attention may be None. The given line makes a list of it, attention.")
        raise
    try:
        model(t.randn(2, 1, 4, 6), t.tensor([1, 1000]))
    except NotImplementedError as error:
        judge_init(answer)
        error.add_note("Its __init__ makes the right blocks, so forward comes next.")
        raise
    except Exception:  # judged below, where the images and settings of the call are told
        return


def judge_init(answer: Callable) -> None:
    model = answer(config((1, 8, 12), (1, 2, 4), attention=(True, False, True)))
    expected = {
        "DownBlock": ["8 → 8, halves, attention", "8 → 16, halves", "16 → 32, attention"],
        "MidBlock": ["32 → 32, attention"],
        "UpBlock": ["8 → 8, attention", "16 → 8, doubles", "32 → 16, doubles, attention"],
    }
    for name, rows in expected.items():
        made = [it for it in model.modules() if type(it).__name__ == name]
        setting = "with 8 channels, dim_mults (1, 2, 4) and attention (True, False, True)"
        if len(made) != len(rows):
            facts = f"{setting}, __init__ makes {len(made)} {name}s, expected {len(rows)}"
            raise Mistake(facts, "Where are they in an nn.ModuleList, one for each level?" if len(rows) > 1 else "")
        found = sorted((row for row, _ in map(describe, made)), key=by_width)
        if found != sorted(rows, key=by_width):
            facts = f"{setting}, {name} goes {'; '.join(found)}, expected {'; '.join(sorted(rows, key=by_width))}"
            raise Mistake(facts, why_blocks_differ(found, rows))
        narrow = next((step_dim for _, step_dim in map(describe, made) if step_dim != 32), None)
        if narrow:
            facts = f"with 8 channels, a {name} takes a step_emb of width {narrow}, expected 32"
            raise Mistake(facts, "Where is step_emb 4 · channels wide, for all blocks?")


def by_width(row: str) -> tuple[int, str]:
    """For an order that reads like the path down."""
    return row.index(" "), row


@t.no_grad()
def describe(block: nn.Module) -> tuple[str, int]:
    """What a block does to its image, "8 → 16, halves", and its step_dim. It is run with each width, until one fits."""
    attends = any(type(it).__name__ == "AttentionBlock" for it in block.modules())
    for channels in (8, 16, 32, 64):
        for step_dim in sorted({p.shape[1] for p in block.parameters() if p.ndim == 2}):
            x = t.randn(1, channels, 8, 12)
            inputs = [x, t.randn(1, step_dim), x][: 3 if type(block).__name__ == "UpBlock" else 2]
            with suppress(RuntimeError):
                after = listed(block(*inputs))[0]
                sized = {4: ", halves", 16: ", doubles"}.get(after.shape[2], "")
                return f"{channels} → {after.shape[1]}{sized}{', attention' * attends}", step_dim
    return "another width", 0


def why_blocks_differ(found: list[str], expected: list[str]) -> str:
    def without(words: str, rows: list[str]) -> list[str]:
        return sorted(re.sub(words, "", row) for row in rows)

    if without(", attention", found) == without(", attention", expected):
        return "Where does each level get its own entry of attention, on both sides?"
    if without(", (halves|doubles)", found) == without(", (halves|doubles)", expected):
        return "Where do all DownBlocks halve but the last to run, and all UpBlocks double but the last to run?"
    return "Where do the widths come from the config, each level beginning with that of the one above?"


def judge_arguments(answer: Callable) -> Mistake | None:
    """forward can be called with a condition and without one. returns: what to say of one that takes none"""
    line = "forward(self, images, num_steps, condition=None)"
    arguments = inspect.signature(answer(config()).forward)
    try:
        arguments.bind("images", "num_steps", condition=None)
    except TypeError:
        facts = f"forward takes no condition, expected {line}"
        return Mistake(facts, "Where does its first line end in condition=None? That was added later.")
    try:
        arguments.bind("images", "num_steps")
    except TypeError:
        facts = f"forward can't be called without a condition, expected {line}"
        raise Mistake(facts, "Where is None its default?") from None
    return None


NAMES = ("images", "num_steps", "condition")  # as forward names them
BLOCKS = {"ResidualBlock", "DownBlock", "MidBlock", "UpBlock"}


@contextmanager
def at_each_block(model: nn.Module, see: Callable) -> Iterator[None]:
    """While inside, each step_emb (B, step_dim) that a block gets is replaced by see(the block's class, step_emb)."""

    def note(module: nn.Module, arguments: tuple, named: dict) -> tuple[tuple, dict]:
        (name,) = BLOCKS & {each.__name__ for each in type(module).__mro__}

        def seen(thing: object) -> object:
            return see(name, thing) if isinstance(thing, t.Tensor) and thing.ndim == 2 else thing

        return tuple(map(seen, arguments)), {key: seen(thing) for key, thing in named.items()}

    blocks = [it for it in model.modules() if BLOCKS & {each.__name__ for each in type(it).__mro__}]
    hooks = [block.register_forward_pre_hook(note, with_kwargs=True) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class Enough(Exception):
    """What was looked for has been seen."""


def up_to_its_blocks(model: nn.Module) -> nn.Module:
    """The model, which stops where its first block begins."""

    def stop(module: nn.Module, arguments: tuple) -> None:
        raise Enough

    for block in model.modules():
        if BLOCKS & {each.__name__ for each in type(block).__mro__}:
            block.register_forward_pre_hook(stop)
    return model


def judge_condition(answer: Callable) -> None:
    """A condition is added to step_emb, and does nothing else: blocks that get the sum without it give the same."""
    images, counts, condition = t.randn(3, 1, 4, 6), t.tensor([1, 400, 1000]), t.randn(3, 32)
    settings = (config(),)
    model = make(answer, *settings, inputs=[images, counts])
    seen: list[tuple[str, t.Tensor]] = []

    def see(name: str, step_emb: t.Tensor) -> t.Tensor:
        seen.append((name, step_emb.clone()))
        return step_emb

    def run(*condition: t.Tensor, counts: t.Tensor = counts) -> tuple[t.Tensor, list]:
        seen.clear()
        with at_each_block(model, see):
            return model(images, counts, *condition), [*seen]

    def judge_width(call: str, question: str) -> None:
        for name, step_emb in seen:
            if step_emb.shape != (3, 32):
                facts = f"{call}, {name} gets a step_emb of shape {tuple(step_emb.shape)}, expected (3, 32)"
                raise Mistake(facts, question)

    usual, without = run()
    if any(step_emb.shape[1] == 8 for _, step_emb in without):
        judge_step_layers(silence(model, nothing), images[:1])
    judge_width("with 8 channels and 3 images", "Where is step_emb 4 · channels wide? So is a condition.")
    for name, e in without:
        if e.any() and any(e.equal(e.to(dtype).float()) for dtype in (t.float16, t.bfloat16)):
            facts = f"{name} gets a step_emb of numbers that half precision can hold"
            raise Mistake(facts, "You round it, as half precision does.")
    try:
        with unchanged(images=images, num_steps=counts, condition=condition):
            told, with_it = run(condition)
        expect_tensor(told, (3, 1, 4, 6), "with a condition it")
    except RuntimeError as error:
        judge_width("with a condition", "You put the condition beside step_emb. It's added.")
        error.add_note("The check made it with 8 channels and gave it a condition of shape (3, 32) for 3 images.")
        if "ambiguous" in str(error):
            error.add_note("You ask the condition itself in an if. Ask whether it is None.")
        raise
    judge_width("with a condition", "You put the condition beside step_emb. It's added.")
    if not close(model(images, counts), usual):
        facts = "a call without a condition gives another guess after one with it"
        raise Mistake(facts, "You keep the condition in the model, or write into what it keeps.")
    if close(told, usual):
        question = "Where is it added to step_emb, before the blocks get that?"
        raise Mistake("the guess does not depend on condition", question)
    if not without:
        return
    if all(close(got, e) for (_, got), (_, e) in zip(with_it, without, strict=True)):
        facts = "with a condition, the blocks get the same step_emb as without"
        raise Mistake(facts, "You add the condition to something else. It's added to step_emb.")
    _, at_zeros = run(0 * condition)
    for i, ((name, e), (_, got), (_, z)) in enumerate(zip(without, with_it, at_zeros, strict=True)):
        if not close(got, e + condition):
            question = "You send the condition through the layers of the timestep. It's added after them."
            there, bare = (run(*told, counts=counts.flip(0))[1][i][1] for told in ([condition], []))
            if close(there - bare, got - e, 0.01):  # its share is the same for other timesteps
                question = "You change the condition, by a layer or an activation. It's added as it is."
            if close(got, e + condition, 0.02):
                question = "You round it, as half precision does."
            question = recognise(CONDITION_MISTAKES, lambda makes: close(got, makes(e, condition, z)), question)
            raise Mistake(f"with a condition, {name} gets another step_emb than the sum of both", question)
    sums = iter([e + condition for _, e in without])
    with at_each_block(model, lambda name, step_emb: next(sums)):
        same = model(images, counts)
    if not close(same, told):
        judge_saving(answer, settings, model, [images, counts], [usual])  # blocks in a plain list were not seen
        facts = "with step_emb and the condition added up for each block, the guess is another one"
        raise Mistake(facts, "You add the condition to something else, too. It's added to step_emb alone.")


def judge_condition_learns(answer: Callable) -> None:
    """What a condition says is learned: Part 4 makes it of weights."""
    images, counts, condition = t.randn(3, 1, 4, 6), t.tensor([1, 400, 1000]), t.randn(3, 32, requires_grad=True)
    guess = make(answer, config(), inputs=[images, counts])(images, counts, condition)
    gradient = t.autograd.grad(guess.square().sum(), condition, allow_unused=True)[0] if guess.requires_grad else None
    if gradient is None or not gradient.any(dim=1).all():
        raise Mistake(
            "no gradient reaches condition", "You detach it, or use it under no_grad. Part 4 learns conditions."
        )


@t.no_grad()
def judge_path(model: nn.Module, inputs: Sequence[t.Tensor], levels: int) -> str:
    """Which DownBlocks halve, which UpBlocks double, and whose skip each of them gets, as far as the network runs.
    returns: the question to ask if it ends in an error; empty where nothing is known"""
    downs, ups, made, running = [], [], [], []

    def begin(module: nn.Module, arguments: tuple, named: dict) -> None:
        x = x_of(arguments, named)
        running.append((type(module).__name__, tuple(x.shape) if isinstance(x, t.Tensor) else None))

    def end(module: nn.Module, arguments: tuple, result: object) -> None:
        running.pop()

    def down(module: nn.Module, arguments: tuple, named: dict, result: object) -> None:
        downs.append((*[*arguments, named.get("x")][:1], *listed(result)))

    def up(module: nn.Module, arguments: tuple, named: dict) -> None:
        given = [*arguments, named.get("x"), named.get("skip")]
        ups.append([thing for thing in given if isinstance(thing, t.Tensor) and thing.ndim == 4])

    def through(module: nn.Module, arguments: tuple, named: dict, result: t.Tensor) -> None:
        made.append(result)

    hooks = []
    for block in model.modules():
        if type(block).__name__ in BLOCKS - {"ResidualBlock"}:
            hooks.append(block.register_forward_pre_hook(begin, with_kwargs=True))
            hooks.append(block.register_forward_hook(end))
        if type(block).__name__ == "DownBlock":
            hooks.append(block.register_forward_hook(down, with_kwargs=True))
        if type(block).__name__ == "UpBlock":
            hooks.append(block.register_forward_pre_hook(up, with_kwargs=True))
            hooks.append(block.register_forward_hook(through, with_kwargs=True))
    with suppress(Exception):  # it comes again, where it is told
        model(*inputs)
    for hook in hooks:
        hook.remove()
    stopped = f"The error comes from a {running[-1][0]} that gets images of shape {running[-1][1]}." if running else ""
    if len(downs) < levels and ups:
        return f"Before the first UpBlock, {len(downs)} of {levels} DownBlocks have run. Where do all of them run?"
    if len(downs) != levels or any(len(each) < 3 for each in downs) or any(len(each) != 2 for each in ups):
        return stopped
    resizing = [True] * (levels - 1) + [False]
    judge_resizing("DownBlocks", "halve", [x.shape[2] > small.shape[2] for x, small, _ in downs], resizing)
    for k, (_, skip) in enumerate(ups[:levels]):
        own = levels - 1 - k
        same = [i for i, (*_, other) in enumerate(downs) if other.shape == skip.shape and other.equal(skip)]
        if same and own not in same:
            facts = f"the {ordinal(k)} UpBlock to run gets the skip of the {ordinal(same[0])} DownBlock, expected that"
            turned = [i for i, (*_, each) in enumerate(downs) if each is ups[0][1]] == [0]
            question = "You use the skips first in, first out." if turned else "You hand a skip to another level."
            raise Mistake(f"{facts} of the {ordinal(own)}", f"{question} The last one in is the first one out.")
        for what, others in [
            ("what goes into a", [x for x, *_ in downs]),
            ("the halved x of a", [x for _, x, _ in downs]),
        ]:
            if not same and any(other.shape == skip.shape and other.equal(skip) for other in others):
                facts = f"the {ordinal(k)} UpBlock to run gets {what} DownBlock for a skip"
                raise Mistake(
                    facts, "Where do you keep the skip, the second of the two things that a DownBlock returns?"
                )
    doubled = [big.shape[2] > x.shape[2] for (x, _), big in zip(ups, made)]
    if len(made) == levels:
        judge_resizing("UpBlocks", "double", doubled, resizing)
    elif not all(doubled) and all(x.shape == skip.shape for x, skip in ups[: len(made)]):
        which = ordinal(doubled.index(False))
        facts = f"with {levels} levels, the {which} UpBlock to run keeps the size, expected that it doubles"
        raise Mistake(facts, "You double in the wrong UpBlocks. Each of them doubles but the last to run, of level 0.")
    elif ups and ups[-1][0].shape == ups[-1][1].shape:
        return "You run the UpBlocks in another order. That of the coarsest level runs first."
    return stopped


def ordinal(i: int) -> str:
    return ("first", "second", "third", "fourth")[i]


def judge_resizing(blocks: str, verb: str, found: list[bool], expected: list[bool]) -> None:
    if found != expected:
        facts = f"with {len(found)} level{'s'[: len(found) != 1]}, {found.count(True)} of the {blocks} {verb}"
        always = f"You {verb} in the last of them, too, which keeps the size." if all(found) else ""
        question = always or f"Where do all {blocks} {verb} but the last to run?"
        raise Mistake(f"{facts}, expected all but the last to run", question)


def judge_table(model: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    """A table with a row for each timestep learns nothing about one from others, however near."""
    images, counts = inputs
    with t.enable_grad():
        guess = model(images, counts)
    if not guess.requires_grad:
        raise Mistake("no gradient comes out of it", "You turn gradients off in forward, by no_grad or detach.")
    with t.enable_grad():  # anew, if the model has turned it off
        guess.square().sum().backward()
    for name, p in model.named_parameters():
        if p.grad is not None and p.ndim == 2 and max(p.shape) >= 1000:
            rows = "rows" if len(p) >= 1000 else "columns"
            learning = int(p.grad.any(dim=int(rows == "rows")).sum())
            facts = f"{name} has {max(p.shape)} {rows}, and {learning} of them learn from {len(counts)} timesteps"
            raise Mistake(facts, "You use a table with a row for each timestep. Sinusoids embed them.")
    model.zero_grad()


def judge_counts(answer: Callable) -> None:
    images = t.randn(2, 1, 4, 6)
    for max_steps in (10, 1000):
        counts = t.tensor([1, max_steps])
        model = make(answer, config(max_steps=max_steps), inputs=[images, counts])
        call = f"with max_steps={max_steps}, for the timesteps 1 and {max_steps} it"
        expect_tensor(model(images, counts), (2, 1, 4, 6), call)
    found = judge_sinusoids(model, images, counts)
    guess = model(images[:1].expand(4, -1, -1, -1), t.tensor([1, 1000, 900, 901]))
    if close(guess[0], guess[1]):
        raise Mistake("the guess does not depend on num_steps", "Where is step_emb passed on to every block?")
    if (guess[2] - guess[3]).abs().mean() < 0.02 * (guess[0] - guess[1]).abs().mean():
        facts = "for the timesteps 900 and 901 the guess is nearly the same"
        question = "You scale or round the timesteps. They go into the sinusoids as they are."
        raise Mistake(facts, question if found else "Where are the sinusoids that embed the timesteps?")


def judge_sinusoids(model: nn.Module, images: t.Tensor, counts: t.Tensor) -> bool:
    """Where the learner's sinusoids are called with timesteps, they get them as they are. returns: whether they are"""
    seen = []
    hooks = [
        it.register_forward_pre_hook(lambda module, arguments: seen.extend(arguments))
        for it in model.modules()
        if type(it).__name__ == "SinusoidalPositionEmbeddings"
    ]
    model(images, counts)
    for hook in hooks:
        hook.remove()
    if seen and seen[0].shape == counts.shape and not close(seen[0].float(), counts.float(), 1e-6):
        facts = f"for the timesteps {counts.tolist()} the sinusoids get {[round(n, 4) for n in seen[0].tolist()]}"
        raise Mistake(facts, "You change the timesteps. They go into the sinusoids as they are.")
    return bool(seen)


def judge_output(answer: Callable) -> None:
    images, counts = t.randn(16, 2, 4, 6), t.randint(1, 1001, (16,))
    settings = config((2, 4, 6))
    model = silence(make(answer, settings, inputs=[images, counts]), nothing)  # a norm's shift would look like a sign
    guess = model(images, counts)
    for channel in range(images.shape[1]):
        other = images.clone()
        other[:, channel] += t.randn_like(other[:, channel])
        if close(model(other, counts), guess):
            facts = f"the guess does not depend on channel {channel} of the images"
            raise Mistake(facts, "Where do all channels of the images go into the stem?")
    loud = model(1000 * images, counts)
    if loud.min() >= -0.3:
        raise Mistake("the guess is never negative", "You use an activation at the end. Noise has both signs.")
    if loud.abs().max() <= 1.001 and loud.abs().median() > 0.99:  # behind a norm it may be small, but is seldom 1
        raise Mistake("the guess never leaves [-1, 1]", "You clamp or squash the guess at the end. Noise goes further.")
    judge_ends(model, images, counts)
    if close(model(1e7 * images, counts), model(1e6 * images, counts), 0.05):
        raise Mistake("images that are ten times as large change nothing", "You use a norm outside the blocks.")
    far = 1e6 * images  # where all that norms and attention add is little beside the shortcuts
    if not model(far, counts).isfinite().all():
        facts = "images a million times as large become infinite"
        raise Mistake(facts, "You compute in half precision, which ends at 65,504.")
    if not close(model(-far, counts), -model(far, counts), 0.05):
        facts = "large images with every sign turned round do not give the opposite guess"
        raise Mistake(facts, "You use an activation outside the blocks. There is none on the images' way.")
    silent = silence(model, everything)(images, counts)
    if silent.abs().max() > 1e-4:
        question = (
            "You add the images to the guess, or subtract it from them." if close(silent.abs(), images.abs()) else ""
        )
        raise Mistake(
            "with all weights at 0 the guess is not 0",
            question or "You add something to what the last convolution gives.",
        )


def judge_ends(model: nn.Module, images: t.Tensor, counts: t.Tensor) -> None:
    """The first block gets what the stem makes of the images, and the last convolution what the last block has made.
    model: without biases, for images of 2 channels"""
    kinds = {it: BLOCKS & {each.__name__ for each in type(it).__mro__} for it in model.modules()}
    blocks = [it for it, found in kinds.items() if found]
    inside = {p for block in blocks for p in block.parameters()}
    outside = [p for p in model.parameters() if p not in inside]
    stems, ends = ([p for p in outside if p.shape == shape] for shape in ((8, 2, 3, 3), (2, 8, 1, 1)))
    if {*BLOCKS} - {name for found in kinds.values() for name in found} or len(stems) != 1 or len(ends) != 1:
        return
    given, made = [], []
    hooks = [
        it.register_forward_pre_hook(lambda *call: given.append(x_of(*call[1:])), with_kwargs=True) for it in blocks
    ]
    hooks += [it.register_forward_hook(lambda *call: made.append(listed(call[-1])[0])) for it in blocks]
    guess = model(images, counts)
    for hook in hooks:
        hook.remove()
    facts = "the first block is given something else than what the stem makes of the images"
    question = "You put something before the stem or behind it, such as a norm or an activation."
    stem = nn.functional.conv2d(images, stems[0], padding=1)
    expect_same(given[0][..., 1:-1, 1:-1], stem[..., 1:-1, 1:-1], facts, question)
    facts = "the guess is something else than what the last convolution makes of what the last block has made"
    question = "You put something before the last convolution or behind it, such as a norm or an activation."
    end = nn.functional.conv2d(made[-1], ends[0])
    if close((guess - end).abs(), images.abs()) or close(guess + end, images):
        question = "You add the images to the guess, or subtract it from them."
    expect_same(guess, end, facts, question)


def x_of(arguments: tuple, named: dict) -> object:
    return [*arguments, named.get("x"), *named.values()][0 if arguments or "x" in named else 1]


def expect_same(got: t.Tensor, expected: t.Tensor, facts: str, question: str) -> None:
    same_shape = got.shape == expected.shape
    if not same_shape or not close(got, expected):
        rounded = same_shape and close(got, expected, 0.02)
        raise Mistake(facts, "You round it, as half precision does." if rounded else question)


@t.no_grad()
def judge_step_layers(model: nn.Module, image: t.Tensor) -> None:
    """step_emb is made by two Linear layers and a SiLU. Each Linear layer is one without which all timesteps get the
    same; then their weights are set so that what bends between them is seen."""
    images, counts, seen = image.expand(4, -1, -1, -1), t.tensor([1, 17, 300, 1000]), []

    def see(name: str, step_emb: t.Tensor) -> t.Tensor:
        seen.append(step_emb)
        raise Enough

    def step_emb() -> t.Tensor | None:
        seen.clear()
        with at_each_block(model, see), suppress(Enough):
            model(images, counts)
        return seen[0] if seen else None

    if step_emb() is None:
        return
    layers = []
    for p in model.parameters():
        if p.requires_grad and p.ndim > 1 and p[0, 0].numel() == 1:
            weight = p.clone()
            p.zero_()
            made = step_emb()
            layers += [p] if close(made, made[:1].expand_as(made)) else []
            p.copy_(weight)
    if len(layers) != 2:
        many = (
            ("no Linear layer", "one Linear layer", "", "three Linear layers")[len(layers)] if len(layers) < 4 else ""
        )
        facts = f"the timestep goes through {many or f'{len(layers)} layers'} on its way to the blocks, expected 2"
        raise Mistake(facts, "Where is step_emb made as the text says: sinusoids, Linear, SiLU, Linear?")
    chained = [pair for pair in (layers, layers[::-1]) if pair[1].shape[1] == pair[0].shape[0]]
    judged = [judge_bend(step_emb, *(p.flatten(1) for p in pair)) for pair in chained]
    if judged and None not in judged:  # of layers as wide as long, the first may be either
        raise judged[0]


def judge_bend(step_emb: Callable, first: t.Tensor, second: t.Tensor) -> Mistake | None:
    """What is wrong with step_emb, if these are the weights of its first Linear layer and of its second."""
    usual, kept = step_emb(), [first.clone(), second.clone()]
    second.mul_(-2)
    turned = step_emb()
    second.div_(2)
    size = min(len(first), len(second)) // 2
    first.zero_()
    first[:size].copy_(t.eye(size, first.shape[1]) if first.shape[1] <= size else 0.5 * t.randn(size, first.shape[1]))
    first[size : 2 * size].copy_(-first[:size])
    second.copy_(t.eye(*second.shape))
    made = step_emb()
    first.mul_(10)
    further = step_emb()
    for p, weight in zip((first, second), kept, strict=True):
        p.copy_(weight)
    both, d = made[:, :size] + made[:, size : 2 * size], made[:, :size] - made[:, size : 2 * size]
    if close(turned, -usual):
        facts = "with twice the weights in its second Linear layer, step_emb is as large"
        return Mistake(facts, "You use a norm after the second Linear.")
    if not close(turned, -2 * usual):
        facts = "with its second Linear layer turned round, step_emb is not turned round"
        return Mistake(facts, "You use an activation after the second Linear.")
    if close(further, 10 * made):
        return Mistake("nothing bends between the two Linear layers of step_emb", "Where is the SiLU between them?")
    if not close(both, d * t.tanh(d / 2), 0.01):
        facts = "between the two Linear layers of step_emb comes something else than SiLU"
        return Mistake(facts, recognise(BEND_MISTAKES, lambda bends: close(both, bends(d), 0.01)))
    if first.shape[1] <= size and not close(d.square().sum(dim=1), t.full((4,), first.shape[1] / 2), 0.01):
        facts = "the first Linear layer of step_emb does not get sines and cosines"
        return Mistake(facts, "You put something between the sinusoids and the first Linear.")
    return None


def judge_kernels(model: nn.Module) -> None:
    for name, p in model.named_parameters():
        if p.ndim == 4 and p.shape[2:] not in ((1, 1), (3, 3), (4, 4)):
            kernel = f"{p.shape[2]}×{p.shape[3]}"
            question = f"You use a kernel of {kernel}. The stem's is 3×3, and that of the last convolution 1×1."
            raise Mistake(f"{name} has a {kernel} kernel", question)
    blocks = [it for it in model.modules() if BLOCKS & {each.__name__ for each in type(it).__mro__}]
    inside = {p for block in blocks for p in block.parameters()}
    for name, p in model.named_parameters():
        if blocks and p not in inside and p.ndim == 4 and p.shape[:2] not in ((8, 3), (3, 8)):
            facts = f"with 8 channels, for images of 3, {name} has shape {tuple(p.shape)}"
            raise Mistake(
                facts, "You use one convolution too many. Outside the blocks there are only the stem and the last."
            )


def judge_blocks(answer: Callable) -> None:
    """In a network of one level, with 3×3 kernels that move what they see down by one row, a lit pixel moves by one row
    in the stem and by two in each ResidualBlock."""
    images, counts, start, expected = t.zeros(8, 3, 80, 1), t.full((8,), 5), 30, 1 + 2 * 7
    model = silence(make(answer, config((3, 80, 1), (1,), attention=(False,)), inputs=[images, counts]), nothing)
    judge_kernels(model)
    judge_step_layers(model, t.randn(1, 3, 80, 1))
    kernels = [p for name, p in model.named_parameters() if is_3x3(name, p)]
    for p in kernels:
        p[:, :, 1:] = 0
    lit = images.clone()
    lit[:, :, start] = 5 * t.randn(8, 3, 1)
    result = model(lit, counts)[..., 0]
    touched = ((result - result[:, :, -10:-9]).abs().amax(dim=(0, 1)) > 1e-5 * result.abs().max())[start:]
    moved = int(touched.nonzero().max()) if touched.any() else 0
    if (moved - expected) % 2:
        facts = f"in a network of one level, an image passes {moved} layers with 3×3 kernels, expected {expected}"
        one_more = "You use a 3×3 kernel for the last convolution. It's 1×1."
        raise Mistake(facts, one_more if moved > expected else "You use a 1×1 kernel for the stem. It's 3×3.")
    if moved != expected:
        facts = f"in a network of one level, an image passes {(moved - 1) // 2} ResidualBlocks, expected 7"
        begin = "You run too many." if moved > expected else "Where are all of them?"
        raise Mistake(facts, f"{begin} There are 2 on the way down, 2 in the middle, 2 on the way up and 1 at the end.")
    for p in kernels:
        if p.shape[1] != 3:
            p.zero_()
    images = t.randn(8, 3, 80, 1)
    dark, once, twice = (model(scale * images, counts) for scale in (0, 1, 2))
    if once.abs().max() < 1e-6:
        raise Mistake("with all 3×3 kernels but the stem's at 0, the guess is 0", "Where is the last convolution 1×1?")
    if dark.abs().max() > 1e-4:
        facts = "with black images and all 3×3 kernels but the stem's at 0, the guess is not 0"
        raise Mistake(facts, "You shift the images before the stem, or add something on their way.")
    if close(twice - dark, 2 * (once - dark)):
        raise Mistake("with attention at no level there is none at all", "Where is the MidBlock, at the bottom?")


@t.no_grad()
def judge_skips(answer: Callable) -> None:
    """With three levels of equal widths, a skip at the wrong place fits if it is resized. With all 3×3 kernels but the
    stem's at 0, what is left are the ways that images take, and a dead resizing layer closes all ways through it."""
    shape = (3, 8, 12)
    inputs = [t.randn(2, *shape), t.tensor([3, 700])]
    model = make(answer, config(shape, (1, 1, 1), attention=(False,) * 3), inputs=inputs)
    silence(model, lambda name, p: is_3x3(name, p) and p.shape[1] != 3)
    kernels = [p for name, p in model.named_parameters() if is_4x4(name, p)]
    if len(kernels) != 4:
        facts = f"with three levels, {len(kernels)} layers resize, expected 4"
        raise Mistake(facts, "Where do all DownBlocks halve but the last, and all UpBlocks double but the last?")
    weights = [p.clone() for p in kernels]

    def guess(alive: tuple[int, ...]) -> t.Tensor:
        for i, (p, weight) in enumerate(zip(kernels, weights, strict=True)):
            p.copy_(weight * (i in alive))
        return model(*inputs)

    at_full_size = guess(())
    if at_full_size.abs().max() < 1e-4:
        facts = "without the resizing layers, the images do not reach the end"
        raise Mistake(facts, "Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
    guesses = {alive: guess(alive) for n in range(2, 5) for alive in combinations(range(4), n)}
    open_pairs = [alive for alive, it in guesses.items() if len(alive) == 2 and not close(it, at_full_size)]
    expected = {  # the first halving and the last doubling open a way to each other, by the second skip
        alive: guesses[open_pairs[0]] if len(open_pairs) == 1 and {*open_pairs[0]} <= {*alive} else at_full_size
        for alive in guesses
        if len(alive) < 4
    }
    all_right = len(open_pairs) == 1 and all(close(guesses[alive], it) for alive, it in expected.items())
    if not all_right or close(guesses[0, 1, 2, 3], guesses[open_pairs[0]]):
        facts = "with three levels of equal widths, what a DownBlock hands over arrives at another level"
        raise Mistake(facts, "Where does each UpBlock get the skip of its own size, last in, first out?")


@t.no_grad()
def judge_chain(model: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    """Each block gets what the one before it has made, and each UpBlock a skip as a DownBlock has returned it."""
    kinds = {it: BLOCKS & {each.__name__ for each in type(it).__mro__} for it in model.modules()}
    large = [it for it, found in kinds.items() if found - {"ResidualBlock"}]
    inside = {it for block in large for it in block.modules()}
    hooks, made, skips = [], [], []
    if {*BLOCKS} - {name for found in kinds.values() for name in found}:
        return

    def before(module: nn.Module, arguments: tuple, named: dict) -> None:
        given = [*arguments, named.get("x"), named.get("skip")]
        images = [each for each in given if isinstance(each, t.Tensor) and each.ndim == 4]
        name = type(module).__name__
        if made and images:
            facts = f"after a {made[-1][0]} comes a {name}, which is given something else than what that has made"
            question = "You put something between the two, or beside it. Only UpBlocks get skips."
            if len(images) == 2 and images[1] is made[-1][1]:
                question = "You swap x and skip. UpBlocks get x first."
            expect_same(images[0], made[-1][1], facts, question)
        if len(images) == 2 and not any(images[1].shape == skip.shape and close(images[1], skip) for skip in skips):
            facts = f"{name} is given something else for a skip than what a DownBlock has returned"
            raise Mistake(facts, "You change a skip on its way. It goes to its UpBlock as it is.")

    def after(module: nn.Module, arguments: tuple, result: object) -> None:
        made.append((type(module).__name__, listed(result)[0]))
        skips.extend(listed(result)[1:])

    for block, found in kinds.items():
        if block in large or (found and block not in inside):
            hooks += [block.register_forward_pre_hook(before, with_kwargs=True), block.register_forward_hook(after)]
    try:
        model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()


def judge_config(answer: Callable) -> None:
    try:
        judge_sizes(answer)
    except Mistake:
        judge_init(answer)  # it says more, where it finds a mistake
        raise
    judge_all_groups(answer)


def judge_sizes(answer: Callable) -> None:
    @cache
    def size(dim_mults: tuple = (2, 4), **settings) -> int:
        return sum(p.numel() for p in answer(config((1, 8, 8), dim_mults, **settings)).parameters())

    if size() == size(channels=16) or size() == size((2, 2)) or size() == size((4, 4)):
        raise Mistake(
            "other channels or multipliers make no other network", "Where do the widths come from the config?"
        )
    if size() != size(attention=(False, True)):
        raise Mistake(
            "attention=None makes another network than (False, True)",
            "You give attention to other levels. None means the coarsest alone.",
        )
    plain = size(attention=(False, False))
    added = [size(attention=levels) - plain for levels in ((True, False), (False, True))]
    if 0 in added or added[0] == added[1]:
        raise Mistake("other levels with attention make no other network", "Where does each level get its own entry?")
    judge_attention_levels(answer, added)


@t.no_grad()
def judge_all_groups(answer: Callable) -> None:
    """With a group for each channel, every norm takes off by how much a channel's weights are larger."""
    settings = config((1, 8, 8), (1, 1), channels=12, groups=12, attention=(False, False))
    inputs = [t.randn(2, 1, 8, 8), t.tensor([5, 900])]
    try:
        model = silence(make(answer, settings, inputs=inputs), nothing)
    except ValueError as error:
        error.add_note("The check made it with channels=12, groups=12 and dim_mults (1, 1), so all widths are 12.")
        raise
    before = model(*inputs)
    for name, p in model.named_parameters():
        if is_3x3(name, p) and p.shape[1] > 1:
            p.mul_(1 + 2 * t.rand(len(p), 1, 1, 1))
    if not close(model(*inputs), before, 0.02):
        facts = "with as many groups as channels, larger weights of some channels change the guess"
        raise Mistake(facts, "Where is config.groups passed on to every block?")


def judge_attention_levels(answer: Callable, added: list[int]) -> None:
    """What attention at one level adds is what it adds to the learner's own blocks of that level, down and up."""
    blocks = [globals_used(answer).get(name) for name in ("DownBlock", "UpBlock")]
    if None in blocks:
        return

    def adds(block: Callable, before: int, after: int) -> int:
        with_it, without = (block(before, after, 8, 4, False, asked) for asked in (True, False))
        return sum(p.numel() for p in with_it.parameters()) - sum(p.numel() for p in without.parameters())

    for level, (before, after) in enumerate(pairwise([8, 16, 32])):
        down, up = adds(blocks[0], before, after), adds(blocks[1], after, before)
        if added[level] != down + up:
            facts = f"attention at level {level} alone adds {added[level]} parameters, expected {down} + {up}"
            raise Mistake(facts, "Where do the DownBlock and the UpBlock of one level get the same entry of attention?")
