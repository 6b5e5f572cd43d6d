/* In: the bytes of a file. Out: what it is. */
#include "base/media.h"

#include <string.h>

#include "base/assert.h"

static bool starts_with(struct str bytes, size_t at, struct str mark)
{
    return bytes.len >= at + mark.len && memcmp(bytes.ptr + at, mark.ptr, mark.len) == 0;
}

/* A RIFF says how long it is, all of it but these eight bytes. */
static bool is_webp(struct str bytes)
{
    if (!starts_with(bytes, 0, STR("RIFF")) || !starts_with(bytes, 8, STR("WEBP"))) {
        return false;
    }
    const unsigned char *p = (const unsigned char *)bytes.ptr + 4;
    size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    return len + 8 == bytes.len;
}

static bool is_png(struct str bytes)
{
    return starts_with(bytes, 0, STR("\x89PNG\r\n\x1a\n")) && starts_with(bytes, 12, STR("IHDR"));
}

static bool is_text(struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        bool is_control = c < 0x20 || c == 0x7f;
        if (is_control && c != '\t' && c != '\n' && c != '\r') {
            return false;
        }
    }
    return bytes.len > 0 && str_is_text(bytes);
}

enum media media_of(struct str bytes)
{
    if (is_png(bytes)) {
        return MEDIA_PNG;
    }
    if (starts_with(bytes, 0, STR("\xff\xd8\xff"))) {
        return MEDIA_JPEG;
    }
    if (is_webp(bytes)) {
        return MEDIA_WEBP;
    }
    if (starts_with(bytes, 0, STR("%PDF-"))) { /* its first bytes may be text alone */
        return MEDIA_PDF;
    }
    return is_text(bytes) ? MEDIA_TEXT : MEDIA_NONE;
}

struct str media_type(enum media media)
{
    switch (media) {
    case MEDIA_NONE: return STR("");
    case MEDIA_TEXT: return STR("text/plain");
    case MEDIA_PDF: return STR("application/pdf");
    case MEDIA_PNG: return STR("image/png");
    case MEDIA_JPEG: return STR("image/jpeg");
    case MEDIA_WEBP: return STR("image/webp");
    case MEDIA_COUNT: break;
    }
    UNREACHABLE("media");
}

struct str media_ending(enum media media)
{
    switch (media) {
    case MEDIA_NONE: return STR("");
    case MEDIA_TEXT: return STR("txt");
    case MEDIA_PDF: return STR("pdf");
    case MEDIA_PNG: return STR("png");
    case MEDIA_JPEG: return STR("jpg");
    case MEDIA_WEBP: return STR("webp");
    case MEDIA_COUNT: break;
    }
    UNREACHABLE("media");
}
