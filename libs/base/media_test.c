/* Files as they are, and files that say that they are what they are not. */
#include "base/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
#define WEBP(len) "RIFF" len "\0\0\0WEBP"

static void a_file_is_what_its_bytes_are(void **state)
{
    (void)state;

    const struct {
        struct str bytes;
        enum media media;
    } rows[] = {
        {STR(PNG), MEDIA_PNG},
        {STR("\x89PNG\r\n\x1a\n\0\0\0\rIHD"), MEDIA_NONE},
        {STR("\x89PNG\n\x1a\n\0\0\0\rIHDR "), MEDIA_NONE}, /* a mailer that changes ends of lines */
        {STR("\xff\xd8\xff\xe0"), MEDIA_JPEG},
        {STR("\xff\xd8\xff"), MEDIA_JPEG},
        {STR("\xff\xd8"), MEDIA_NONE},
        {STR(WEBP("\4")), MEDIA_WEBP},
        {STR(WEBP("\5")), MEDIA_NONE}, /* says more than there is */
        {STR(WEBP("\5") "x"), MEDIA_WEBP},
        {STR(WEBP("\4") "x"), MEDIA_NONE}, /* more than it says */
        {STR("RIFF\4\0\0\0WAVE"), MEDIA_NONE},
        {STR("%PDF-1.7\n"), MEDIA_PDF},
        {STR("%PDF-"), MEDIA_PDF},
        {STR("%PDF"), MEDIA_TEXT},
        {STR(" %PDF-1.7\n\1"), MEDIA_NONE},
        {STR("He said: \"gr\xc3\xbc\xc3\x9f\"\r\n\tand left."), MEDIA_TEXT},
        {STR("<script>alert(1)</script>"), MEDIA_TEXT}, /* shown as text, or not at all */
        {STR("latin gr\xfc\xdf"), MEDIA_NONE},
        {STR("a\0b"), MEDIA_NONE},
        {STR("\x1b[2Jescape"), MEDIA_NONE},
        {STR("a\x7f"), MEDIA_NONE},
        {STR("MZ\x90\0"), MEDIA_NONE},
        {STR("PK\3\4"), MEDIA_NONE},
        {STR("GIF89a\1\0"), MEDIA_NONE},
        {STR(""), MEDIA_NONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(media_of(rows[i].bytes), rows[i].media);
    }
}

static void each_has_a_type_and_an_ending(void **state)
{
    (void)state;
    for (enum media media = MEDIA_TEXT; media < MEDIA_COUNT; media++) {
        for (enum media other = MEDIA_NONE; other < media; other++) {
            assert_false(str_eq(media_type(media), media_type(other)));
            assert_false(str_eq(media_ending(media), media_ending(other)));
        }
    }
    assert_int_equal(media_type(MEDIA_NONE).len + media_ending(MEDIA_NONE).len, 0);
    assert_true(str_eq(media_type(MEDIA_WEBP), STR("image/webp")));
    assert_true(str_eq(media_ending(MEDIA_TEXT), STR("txt")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_what_its_bytes_are),
        cmocka_unit_test(each_has_a_type_and_an_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
