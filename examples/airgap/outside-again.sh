#!/bin/sh
# The person outside, in the checkout; ../stick has come back, and ../inside.pub by another way.
set -eux

# What the bundle leaves out has to be here; all of it is checked before anything is changed.
kodeno bundle verify ../stick/back.bundle.tar --verify-key ../inside.pub --base ../out > ../back.txt
kodeno bundle apply ../stick/back.bundle.tar --verify-key ../inside.pub --to ..
git --work-tree=../source diff --stat
kodeno ls ../out

# The same change gives the same images on both sides.
git --work-tree=../source commit --quiet --all -m "Greet from inside"
git reset --quiet --hard
kodeno build --locked ./... > ../same.txt
grep ':latest@' ../back.txt | diff - ../same.txt
