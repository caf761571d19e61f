"""Make what lies in solutions/assets/, small pictures, weights and results. It takes the time that it says.

python -m tools.make_assets drawn        the eight drawn clothes of Part 2: a moment
python -m tools.make_assets parts        what each part of the U-Net is for: seven minutes on one CPU core
python -m tools.make_assets classifier   the judge of images: four minutes on two CPU cores
python -m tools.make_assets plain        samples of Part 1's training, 25,600 images long: three minutes
python -m tools.make_assets clothes      the whole training of Part 3, and its curves: ten to twenty minutes
python -m tools.make_assets samples      2,000 samples of that model, as the classifier sees them: five minutes
python -m tools.make_assets samplers     the distance of each sampler: ten minutes
python -m tools.make_assets ablation     what each change brings: an hour and a half
python -m tools.make_assets labels       the model of Part 4 that listens to labels: ten to twenty minutes
python -m tools.make_assets deaf         the same training without labels, measured: fifteen to thirty minutes
python -m tools.make_assets guidance     what guidance does to 2,000 samples: an hour and a half
python -m tools.make_assets steering     what a classifier's gradient does to 2,000 samples: half an hour
python -m tools.make_assets autoencoder  Part 5's codes of images: four minutes
python -m tools.make_assets latents      the model of these codes, also of other sizes: fifteen minutes
python -m tools.make_assets imagen_base  its text encoder, and the model of small images: eight minutes
python -m tools.make_assets imagen_larger   the model that enlarges them: eight minutes
python -m tools.make_assets imagen       what both make together, measured: fifteen minutes
python -m tools.make_assets flow         the same network on straight paths, measured: ten minutes
python -m tools.make_assets captions     the model of Part 4 that listens to captions: ten to twenty minutes
python -m tools.make_assets obeyed       how often it obeys each word: an hour and a half
python -m tools.make_assets faithful     drawings, noised and drawn anew: half an hour
"""

import argparse

from tools.make_assets import part2, part3, part4, part4_captions, part5_imagen, part5_latent

COMMANDS = [
    part2.drawn,
    part2.parts,
    part3.classifier,
    part3.plain,
    part3.clothes,
    part3.samples,
    part3.samplers,
    part3.ablation,
    part4.labels,
    part4.deaf,
    part4.guidance,
    part4_captions.captions,
    part4_captions.obeyed,
    part4_captions.faithful,
    part4.steering,
    part5_latent.autoencoder,
    part5_latent.latents,
    part5_imagen.imagen_base,
    part5_imagen.imagen_larger,
    part5_imagen.imagen,
    part5_latent.flow,
]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
commands = {command.__name__: command for command in COMMANDS}
parser.add_argument("what", choices=commands)
commands[parser.parse_args().what]()
