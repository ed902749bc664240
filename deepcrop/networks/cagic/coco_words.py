"""Everyday words for the 80 classes of the detector.

A word may stand for several classes, and a class may have several words. The table was written by
hand from the list of classes.
"""

from __future__ import annotations

from ..yolox import COCO

_WORDS = """
person man woman boy girl child baby people player rider surfer skier skateboarder lady guy: person
bike: bicycle
motorbike: motorcycle
plane aircraft jet: airplane
vehicle: bicycle car motorcycle airplane bus train truck boat
van: car truck
taxi: car
ship sailboat canoe kayak: boat
traffic_sign: stop_sign traffic_light
hydrant: fire_hydrant
animal: bird cat dog horse sheep cow elephant bear zebra giraffe
pet: cat dog bird
cattle bull calf: cow
pony: horse
lamb goat: sheep
bag: backpack handbag suitcase
purse: handbag
luggage: suitcase backpack
rucksack: backpack
necktie: tie
ball: sports_ball
football: sports_ball
soccer_ball: sports_ball
basketball: sports_ball
bat: baseball_bat
glove: baseball_glove
racket: tennis_racket
board: surfboard skateboard snowboard
ski: skis
mug: cup
glass: wine_glass cup
drink: cup bottle wine_glass
cutlery: fork knife spoon
food: banana apple sandwich orange broccoli carrot hot_dog pizza donut cake
fruit: banana apple orange
vegetable: broccoli carrot
doughnut: donut
seat: chair couch bench
sofa: couch
furniture: chair couch bed dining_table bench
plant houseplant flowerpot: potted_plant
table desk: dining_table
television screen: tv
monitor: tv laptop
computer: laptop tv
notebook: laptop book
phone cellphone telephone smartphone mobile: cell_phone
stove: oven
fridge: refrigerator
basin: sink
watch: clock
bear: bear teddy_bear
teddy: teddy_bear
hairdryer: hair_drier
"""


def classes_of_words() -> dict[str, tuple[int, ...]]:
    """Return the indices of the classes that each word stands for, their names included."""
    index = {name: number for number, name in enumerate(COCO)}
    table: dict[str, tuple[int, ...]] = {name: (number,) for name, number in index.items()}
    for line in _WORDS.strip().splitlines():
        words, _, classes = line.partition(":")
        for word in words.split():
            table[word] = tuple(index[each] for each in classes.split())
    return table


OBJECT_WORDS: dict[str, tuple[int, ...]] = classes_of_words()
"""The classes, as indices of :data:`~..yolox.COCO`, that each word stands for."""
