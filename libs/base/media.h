#pragma once

#include "base/str.h"

/* What a file that somebody uploads is, by its bytes: never by its name, nor by what its sender says it is. */

enum media {
    MEDIA_NONE = 0, /* none that is taken */
    MEDIA_TEXT,     /* UTF-8 without control characters but tabs and ends of lines */
    MEDIA_PDF,
    MEDIA_PNG,
    MEDIA_JPEG,
    MEDIA_WEBP,
    MEDIA_COUNT,
};

/* Of an empty one, NONE. */
enum media media_of(struct str bytes);
/* "image/png". The empty string for none. */
struct str media_type(enum media media);
/* "png": what a file's name ends with. The empty string for none. */
struct str media_ending(enum media media);
