/* Two panels over one axis: below, throughput beside what was offered; above, p99 on a logarithmic scale. */
#include "bench_plot.h"

#include <inttypes.h>
#include <stdio.h>

#include "bench_report.h"

#define WIDTH 720
#define LEFT 70
#define RIGHT 690
#define P99_TOP 50
#define P99_BOTTOM 210
#define RATE_TOP 250
#define RATE_BOTTOM 410
#define HEIGHT 470
#define DECADES 4 /* of p99: 1 ms to 10 s */
#define STEPS 4   /* grid lines of throughput */

struct plot {
    FILE *file;
    int64_t load_max; /* offered or reached: both axes of throughput */
};

static int64_t x_of(const struct plot *plot, int64_t offered)
{
    return LEFT + (RIGHT - LEFT) * offered / plot->load_max;
}

static int64_t y_of_rate(const struct plot *plot, int64_t rate)
{
    return RATE_BOTTOM - (RATE_BOTTOM - RATE_TOP) * rate / plot->load_max;
}

/* Thousandths of the binary logarithm, by squaring: no floating point. */
static int64_t log2_thousandths(int64_t value)
{
    int64_t whole = 63 - __builtin_clzll((uint64_t)value);
    uint64_t part =
        ((uint64_t)value << (62 - whole)) >> 31; /* 1.0 to 2.0, 31 bits behind the point */
    int64_t thousandths = 0;
    for (int64_t bit = 500; bit > 0; bit /= 2) {
        part = part * part >> 31;
        if (part >> 32) {
            part >>= 1;
            thousandths += bit;
        }
    }
    return whole * 1000 + thousandths;
}

static int64_t y_of_p99(int64_t us)
{
    const int64_t decade = 3322; /* thousandths of log2(10) */
    int64_t above = log2_thousandths(us > 1000 ? us : 1000) - log2_thousandths(1000);
    int64_t y = P99_BOTTOM - (P99_BOTTOM - P99_TOP) * above / (DECADES * decade);
    return y > P99_TOP ? y : P99_TOP;
}

static void line(const struct plot *plot, int64_t x1, int64_t y1, int64_t x2, int64_t y2,
                 const char *stroke)
{
    (void)fprintf(plot->file,
                  "<line x1=\"%" PRId64 "\" y1=\"%" PRId64 "\" x2=\"%" PRId64 "\" y2=\"%" PRId64
                  "\" stroke=\"%s\"/>\n",
                  x1, y1, x2, y2, stroke);
}

static void text(const struct plot *plot, int64_t x, int64_t y, const char *anchor,
                 const char *words)
{
    (void)fprintf(plot->file,
                  "<text x=\"%" PRId64 "\" y=\"%" PRId64 "\" text-anchor=\"%s\">%s</text>\n", x, y,
                  anchor, words);
}

static void number(const struct plot *plot, int64_t x, int64_t y, const char *anchor, int64_t value)
{
    char words[BENCH_MS_BYTES];
    (void)snprintf(words, sizeof(words), "%" PRId64, value);
    text(plot, x, y, anchor, words);
}

static void grid(const struct plot *plot)
{
    int64_t ms = 1;
    for (int decade = 0; decade <= DECADES; decade++, ms *= 10) {
        int64_t y = y_of_p99(ms * 1000);
        line(plot, LEFT, y, RIGHT, y, "#ddd");
        number(plot, LEFT - 8, y + 4, "end", ms);
    }
    for (int step = 0; step <= STEPS; step++) {
        int64_t rate = plot->load_max * step / STEPS;
        int64_t y = y_of_rate(plot, rate);
        line(plot, LEFT, y, RIGHT, y, "#ddd");
        number(plot, LEFT - 8, y + 4, "end", rate);
        number(plot, x_of(plot, rate), RATE_BOTTOM + 18, "middle", rate);
    }
    text(plot, LEFT, P99_TOP - 10, "start", "p99 from the moment it was due, ms");
    text(plot, LEFT, RATE_TOP - 10, "start", "events a second (grey: as many as offered)");
    text(plot, (LEFT + RIGHT) / 2, RATE_BOTTOM + 40, "middle", "commands offered a second");
    line(plot, x_of(plot, 0), y_of_rate(plot, 0), x_of(plot, plot->load_max),
         y_of_rate(plot, plot->load_max), "#999");
}

static void curve(const struct plot *plot, const struct bench_point *points, uint32_t count,
                  bool of_p99)
{
    const char *colour = of_p99 ? "#c33" : "#36c";
    (void)fprintf(plot->file, "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"",
                  colour);
    for (uint32_t i = 0; i < count; i++) {
        int64_t y = of_p99 ? y_of_p99(points[i].p99_us) : y_of_rate(plot, points[i].reached);
        (void)fprintf(plot->file, "%" PRId64 ",%" PRId64 " ", x_of(plot, points[i].offered), y);
    }
    (void)fprintf(plot->file, "\"/>\n");
    for (uint32_t i = 0; i < count; i++) {
        int64_t y = of_p99 ? y_of_p99(points[i].p99_us) : y_of_rate(plot, points[i].reached);
        (void)fprintf(plot->file,
                      "<circle cx=\"%" PRId64 "\" cy=\"%" PRId64 "\" r=\"3\" fill=\"%s\"/>\n",
                      x_of(plot, points[i].offered), y, colour);
    }
}

void bench_plot(const char *path, const char *title, const struct bench_point *points,
                uint32_t point_count)
{
    struct plot plot = {.file = fopen(path, "we"), .load_max = 1};
    if (!plot.file) {
        bench_end("cannot write %s", path);
    }
    for (uint32_t i = 0; i < point_count; i++) {
        plot.load_max = points[i].offered > plot.load_max ? points[i].offered : plot.load_max;
        plot.load_max = points[i].reached > plot.load_max ? points[i].reached : plot.load_max;
    }
    (void)fprintf(plot.file,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                  "font-family=\"sans-serif\" font-size=\"12\">\n"
                  "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                  WIDTH, HEIGHT);
    text(&plot, LEFT, 20, "start", title);
    grid(&plot);
    curve(&plot, points, point_count, /* of_p99 */ true);
    curve(&plot, points, point_count, /* of_p99 */ false);
    (void)fprintf(plot.file, "</svg>\n");
    if (fclose(plot.file) != 0) {
        bench_end("cannot write %s", path);
    }
}
