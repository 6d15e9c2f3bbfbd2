/* Colours for maps and classes. */
#ifndef WASINN_CLI_COLOURS_H
#define WASINN_CLI_COLOURS_H

#include <stdint.h>

struct wasinn__colour {
    uint8_t red, green, blue;
};

/* What is no number: red, which the scale does not have. */
#define WASINN__COLOUR_NAN ((struct wasinn__colour){220, 50, 47})

/* A place on the scale, from 0 (dark violet) to 1 (yellow). */
struct wasinn__colour wasinn__scale_colour(double place);

/* Class 0 is black; after 255 the colours of classes 1 to 255 come again. */
struct wasinn__colour wasinn__class_colour(int number);

#endif
