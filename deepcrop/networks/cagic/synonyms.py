"""Small English tables of function words, irregular forms and synonyms.

The synonyms are our own choice of everyday nouns, above all names of common household things,
animals, vehicles and people. The words of an entry are tried in order. An entry works in one
direction only, from the rare or narrow word to more common or general ones.
"""

from __future__ import annotations

_FUNCTION = """
a an the this that these those some any each every another other its his her their my your
our it he she they we i you him them me us who which what there here
of in on at by for from to into onto with without near beside behind above below under over
through across along around between among against during after before while as than
and or but nor so if is are was were be been being am has have had do does did can could will
would shall should may might must not no very just also both all only up down out off
one two three four five six seven eight nine ten several many few lots lot
"""
FUNCTION_WORDS = frozenset(_FUNCTION.split())
"""Words without information about image content."""

_IRREGULAR = """man men|woman women|child children|person people|foot feet|tooth teeth
goose geese|mouse mice|sheep|fish|ox oxen|leaf leaves|life lives|knife knives|wolf wolves
calf calves
run ran|sit sat|stand stood|swim swam|ride rode|hold held|throw threw|catch caught|eat ate
fly flew|drive drove|wear wore|stick stuck|lie lay lying|grass grasses|bus buses"""

IRREGULAR: dict[str, tuple[str, ...]] = {}
for _group in _IRREGULAR.replace("\n", "|").split("|"):
    _forms = _group.split()
    for _form in _forms:
        IRREGULAR[_form] = tuple(other for other in _forms if other != _form)

_SYNONYMS = """
person: man woman people
human: person man people
somebody: person man
someone: person man
guy: man
gentleman: man
lady: woman
kid: child boy
toddler: child baby
infant: baby child
teenager: boy girl
player: man
crowd: people
couple: people
bride: woman
groom: man
puppy: dog
pup: dog
canine: dog
hound: dog
terrier: dog
retriever: dog
poodle: dog
kitten: cat
kitty: cat
feline: cat
pony: horse
foal: horse
stallion: horse
bull: cow ox
calf: cow
cattle: cow
lamb: sheep
hen: chicken bird
duckling: duck bird
parrot: bird
seagull: bird
pigeon: bird
animal: dog
bicycle: bike
bike: bicycle
cycle: bike bicycle
motorcycle: motorbike bike
motorbike: motorcycle bike
scooter: motorcycle bike
automobile: car
vehicle: car truck
taxi: car
cab: taxi car
van: car truck
lorry: truck
pickup: truck
airplane: plane
aeroplane: airplane plane
plane: airplane
jet: airplane plane
aircraft: airplane plane
locomotive: train
tram: train
ship: boat
canoe: boat
kayak: boat
yacht: boat
vessel: boat ship
sofa: couch
couch: sofa
settee: couch sofa
armchair: chair
seat: chair
stool: chair
desk: table
television: tv screen
cell_phone: cellphone phone
wine_glass: glass
tennis_racket: racket
baseball_bat: bat baseball
baseball_glove: glove baseball
potted_plant: plant
dining_table: table
hot_dog: hotdog
teddy_bear: teddy
fire_hydrant: hydrant
hydrant: fire_hydrant
hair_drier: dryer
tv: television screen monitor
monitor: screen tv
computer: laptop
laptop: computer
notebook: laptop
phone: cellphone telephone
cellphone: phone
smartphone: cellphone phone
telephone: phone
refrigerator: fridge
fridge: refrigerator
stove: oven
oven: stove
sink: basin
cup: mug
mug: cup
glass: cup
wineglass: wine_glass glass
goblet: glass
handbag: bag purse
purse: bag handbag
suitcase: luggage briefcase bag
remote: remote_control
hair_dryer: hair_drier
luggage: suitcase bag
backpack: bag
rucksack: backpack bag
doughnut: donut
donut: doughnut
burger: hamburger sandwich
hamburger: burger
racket: racquet
racquet: racket
ski: skis
skis: ski
surfboard: surfer surf
skateboard: skateboarder
snowboard: snowboarder
frisbee: disc
disc: frisbee
football: ball
soccer: ball
baseball: ball
basketball: ball
tennis: racket ball
sea: ocean water
ocean: sea water
lake: water
river: water
pond: water
beach: sand shore
shore: beach
sidewalk: street pavement
pavement: sidewalk street
road: street
street: road
forest: trees woods
woods: forest trees
hill: mountain
cliff: rock mountain
stone: rock
boulder: rock
garden: yard grass
lawn: grass yard
meadow: field grass
plant: flower tree
flower: plant
house: building
home: house building
tower: building
church: building
jacket: coat shirt
coat: jacket
sweater: shirt
tshirt: shirt
tee: shirt
trousers: pants
jeans: pants
cap: hat
helmet: hat
sunglasses: glasses
spectacles: glasses
teddy: bear toy
toy: teddy
clock: watch
watch: clock
book: magazine
pizza: food
cake: food
sandwich: food
hotdog: sausage food
meal: food
picture: painting
photo: picture
photograph: picture
big: large
large: big
tiny: small
small: little
little: small
blond: blonde
blonde: blond
grey: gray
gray: grey
crimson: red
scarlet: red
azure: blue
jog: run
sprint: run
leap: jump
hop: jump
chat: talk
speak: talk
stare: look
gaze: look
watch: look
dine: eat
rest: sit
"""

SYNONYMS: dict[str, tuple[str, ...]] = {}
for _line in _SYNONYMS.strip().splitlines():
    _word, _, _others = _line.partition(":")
    SYNONYMS[_word] = SYNONYMS.get(_word, ()) + tuple(_others.split())
