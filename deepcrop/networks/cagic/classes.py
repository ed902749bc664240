"""Everyday words for ImageNet's 1000 classes, whose own names are often too specific.

The table was written by hand from the list of classes; a class may belong to several words. Words
of two tokens are joined by ``_``, as :class:`~deepcrop.networks.cagic.vocabulary.Vocabulary`
requires.
"""

from __future__ import annotations

from collections.abc import Sequence

_WORDS = """
fish 0-6 389-397
chicken 7-8
bird 7-24 80-100 127-146
owl 24
turtle 33-37
lizard 38-48
snake 52-68
spider 72-77
duck 97-98
goose 99
swan 100
penguin 145
whale 147-148
seal 150
crab 118-121 125
lobster 122-123
dog 151-268 273-275
wolf 269-272
fox 277-280
cat 281-285
lion 291
tiger 292
bear 294-297
insect 300-326
butterfly 321-326
rabbit 330-332
squirrel 335
horse 339
donkey 339
pig 341-343
cow 345-347
sheep 348-349
goat 350
deer 351-353
antelope 351-353
camel 354
monkey 365-382
elephant 101 385-386
panda 388
animal 0-397
person 981-983
player 981
man 982
airplane 404 895
ambulance 407
trash_can 412
garbage_can 412
bathtub 435 876
bottle 440 720 737 898 907
bicycle 444 671
bookshelf 453
book 921 681 917
tie 906 457
train 466 547 565 705 820 829
bus 654 779 874
car 436 468 511 609 627 656 661 751 817
truck 555 569 675 717 864 867
van 656 675 734 757
taxi 468
motorcycle 665 670
scooter 670
tractor 866 595 856
boat 472 554 576 625 780 814 871 914 484
ship 510 628 403 724 913
vehicle 407 436 468 511 555 569 609 627 654 656 661 675 717 734 751 757 779 817 864 867 874
bucket 463
candle 470
castle 483
chair 423 559 765 857
phone 487 528 707
cell_phone 487
cellphone 487
church 497
cup 504 968 647
mug 504
keyboard 508 878
boot 514
hat 515 808 439 452
helmet 518 560 715
crib 520 516
desk 526
computer 527 620 681
clock 409 530 892
watch 531
table 532 526 736
dining_table 532
bed 564 520 831
lamp 846 619
pan 567
glass 441 572
wine_glass 572 966
guitar 402 546
piano 579 881
violin 889
greenhouse 580
hair_drier 589
hair_dryer 589
iron 606
jeans 608
laptop 620 681
knife 499 623
mailbox 637
mask 643 796
microphone 650
bowl 659 809
monitor 664 782
tent 672
mouse 673
mosque 668
bench 703
parking_meter 704
fence 716 489 912
pier 718
pillow 721
plant 738 984 985
potted_plant 738
pot 738 469
flower 985 986
printer 742
handbag 748
purse 748 893
backpack 414
bag 414 728 748 636
tennis_racket 752
racquet 752
radio 754
camera 732 759
refrigerator 760
fridge 760
remote 761
restaurant 762
shoe 770 630 502
sandal 774
ball 429 430 522 574 722 768 805 852 890
football 560 768 805
soccer 805
tennis 852 752
baseball 429 981
basketball 430
sewing 786
umbrella 879
suit 834
couch 831
stove 827
oven 827 651 766
toaster 859
toilet 861
sink 896
washbasin 896
vase 883
spoon 910 618
wine 907 966
beer 440 441
television 851 598 548 664 782
tv 851 598 548 664 782
screen 782 664
teddy 850
teddy_bear 850
toy 850 865
towel 434
traffic_light 920
stop_sign 919
sign 919
street 920 919
swing 843
tower 900
bridge 821 839 888
building 497 663 668 698
train_car 705
skis 795
snowboard 795
snowmobile 802
sled 537 450
surfboard 978
plate 923
tray 868
ice_cream 928
bread 930
bagel 931
donut 931 961
doughnut 931 961
hamburger 933
sandwich 933 930
hot_dog 934
cake 927 960
pie 964
vegetable 935 936 937 938 939 943 945
fruit 948 949 950 951 952 953 954 955 956 957
food 924-969
apple 948
pepper 945
carrot 943
soup 925 809
mountain 970 980
hill 979 970
cliff 972
rock 972 976
beach 978 977
sand 977
sea 978
ocean 978
lake 975
water 975 978
coast 976
valley 979
corn 987
sunglasses 836 837
glasses 836 837
bikini 445
swimsuit 638 639 445
shirt 610 841
sweater 841 474
jersey 610
dress 578 689 775
skirt 655 689
coat 568 869 617
gown 578
robe 614 400
wig 903
balloon 417
parachute 701
kite 701
fountain 562
flag 557
drum 541
trumpet 513
saxophone 776
bookstore 454
"""


def classes_of_words(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the indices of the ImageNet classes that each word stands for.

    Args:
        names: the classes' own names, in order. A whole name is a word too, and so is the last word
            of a name that isn't in the table.
    """
    table: dict[str, list[int]] = {}
    for line in _WORDS.strip().splitlines():
        word, *spans = line.split()
        indices: set[int] = set()
        for span in spans:
            first, _, last = span.partition("-")
            indices.update(range(int(first), int(last or first) + 1))
        table[word] = sorted(indices)
    by_hand = frozenset(table)
    for index, name in enumerate(names):
        words = name.lower().replace("'s", "").replace("-", " ").split()
        candidates = {"_".join(words)} | ({words[-1]} if len(words) > 1 else set())
        for word in candidates - by_hand:
            table.setdefault(word, []).append(index)
    return table
