/* A picture of figures, as SVG: for each number of guests the shares of inferences that took at most a time,
 * and the inferences a second of all. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cli/cli.h"

/* Of a panel and of what lies around its axes. */
enum { PANEL_WIDTH = 460, PANEL_HEIGHT = 300, LEFT = 70, RIGHT = 20, TOP = 34, BOTTOM = 52, HEAD = 70 };
enum { PLOT_WIDTH = PANEL_WIDTH - LEFT - RIGHT, PLOT_HEIGHT = PANEL_HEIGHT - TOP - BOTTOM };

typedef struct picture {
    const wasinn__bench_options *options;
    const wasinn__bench_block *blocks;
    size_t count;
    FILE *file;
} picture;

/* Colours that keep their distance for all kinds of eyes, on a light ground and on a dark one; and dashes.
 * Plain rules, since few programs other than browsers know variables. */
static const char style[] =
    "<style>\n"
    "  text { font: 12px sans-serif; fill: #24292f; }\n"
    "  .title { font-size: 13px; font-weight: bold; }\n"
    "  .ground { fill: #ffffff; }\n"
    "  .grid { stroke: #d0d7de; stroke-width: 1; }\n"
    "  .arm { fill: none; stroke-width: 2; }\n"
    "  .arm0 { stroke: #57606a; } .arm1 { stroke: #0969da; } .arm2 { stroke: #bc4c00; } "
    ".arm3 { stroke: #8250df; }\n"
    "  .dashed { stroke-dasharray: 6 3; }\n"
    "  .whisker { stroke-width: 1.2; }\n"
    "  @media (prefers-color-scheme: dark) {\n"
    "    text { fill: #e6edf3; }\n"
    "    .ground { fill: #0d1117; }\n"
    "    .grid { stroke: #30363d; }\n"
    "    .arm0 { stroke: #8b949e; } .arm1 { stroke: #58a6ff; } .arm2 { stroke: #f0883e; } "
    ".arm3 { stroke: #bc8cff; }\n"
    "  }\n"
    "</style>\n";

/* The arms without copies are dashed. */
static const char *dash_of(int arm) {
    return arm >= WASINN__ARM_NATIVE_INFER ? " dashed" : "";
}

/* ---- Text and axes ------------------------------------------------------------------------------ */

static void put_escaped(FILE *file, const char *text) {
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", file);
        else if (*text == '<')
            fputs("&lt;", file);
        else if (*text == '>')
            fputs("&gt;", file);
        else if (*text == '"')
            fputs("&quot;", file);
        else
            fputc(*text, file);
    }
}

static void put_text(FILE *file, double x, double y, const char *anchor, const char *class,
                     const char *text) {
    fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, class);
    put_escaped(file, text);
    fputs("</text>\n", file);
}

/* An axis: where a value lies, from 0 to 1. */
typedef struct axis {
    double low, high;
    bool logarithmic;
} axis;

static double share_on(const axis *axis, double value) {
    if (axis->logarithmic)
        return log(value / axis->low) / log(axis->high / axis->low);
    return (value - axis->low) / (axis->high - axis->low);
}

/* 1, 2 or 5 times a power of ten: about so many steps for a range. */
static double step_of(double range, int steps) {
    double power = pow(10, floor(log10(range / steps))), share = range / steps / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

enum { MOST_TICKS = 24 };

/* The ticks of an axis that has room for so many. */
static size_t ticks_of(const axis *axis, int room, double ticks[MOST_TICKS]) {
    static const double steps[] = {1, 2, 5};
    size_t count = 0;
    if (!axis->logarithmic) {
        double step = step_of(axis->high - axis->low, room);
        for (double tick = ceil(axis->low / step - 1e-9) * step;
             tick <= axis->high + step * 1e-6 && count < MOST_TICKS; tick += step)
            ticks[count++] = fabs(tick) < step / 2 ? 0 : tick;
        return count;
    }
    double decades = log10(axis->high / axis->low);
    int every = decades * 3 <= room ? 1 : decades <= room ? 3 : 3 * (int)ceil(decades / room);
    for (int i = 3 * (int)floor(log10(axis->low)); count < MOST_TICKS; i++) {
        double tick = pow(10, floor(i / 3.0)) * steps[((i % 3) + 3) % 3];
        if (tick > axis->high * 1.000001)
            return count;
        if (tick >= axis->low * 0.999999 && ((i % every) + every) % every == 0)
            ticks[count++] = tick;
    }
    return count;
}

static void put_tick(FILE *file, bool horizontal, double x, double y, double value) {
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    if (horizontal)
        fprintf(file, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>\n", x, x,
                PLOT_HEIGHT);
    else
        fprintf(file, "<line class=\"grid\" x1=\"0\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", PLOT_WIDTH, y,
                y);
    put_text(file, horizontal ? x : -8, horizontal ? PLOT_HEIGHT + 18 : y + 4, horizontal ? "middle" : "end",
             "", text);
}

static void begin_panel(const picture *picture, size_t index, const char *title) {
    fprintf(picture->file, "<g transform=\"translate(%zu %zu)\">\n", index % 2 * PANEL_WIDTH + LEFT,
            HEAD + index / 2 * PANEL_HEIGHT + TOP);
    put_text(picture->file, 0, -12, "start", " class=\"title\"", title);
}

/* ---- Times -------------------------------------------------------------------------------------- */

/* The middle 98 % of all arms, and a little more. */
static axis time_axis(const wasinn__bench_block *block, double unit) {
    axis made = {HUGE_VAL, 0, false};
    for (int arm = 0; arm < WASINN__ARMS; arm++) {
        const wasinn__bench_figure *figure = &block->figures[arm];
        if (!figure->there)
            continue;
        made.low = fmin(made.low, wasinn__histogram_quantile(&figure->times, 0.01) / unit);
        made.high = fmax(made.high, wasinn__histogram_quantile(&figure->times, 0.99) / unit);
    }
    made.low = fmax(made.low, 1e-3);
    made.logarithmic = made.high > 4 * made.low;
    if (made.logarithmic) {
        made.low /= 1.05;
        made.high *= 1.05;
    } else {
        double more = fmax((made.high - made.low) * 0.03, made.low * 0.005);
        made.low = fmax(made.low - more, 0);
        made.high += more;
    }
    return made;
}

/* Steps that are nearer than half a point are drawn as one. */
static void put_curve(FILE *file, const wasinn__histogram *times, int arm, const axis *axis, double unit) {
    uint64_t before = 0;
    double x = 0;
    fprintf(file, "<path class=\"arm arm%d%s\" d=\"M0 ", arm, dash_of(arm));
    for (size_t cell = 0; cell < WASINN__HISTOGRAM_CELLS; cell++) {
        double time = wasinn__histogram_time(cell) / unit;
        if (times->cells[cell] == 0)
            continue;
        if (time > axis->high)
            break;
        double next = share_on(axis, fmax(time, axis->low)) * PLOT_WIDTH;
        if (next - x >= 0.5) {
            fprintf(file, "%s%.1fH%.1f", x == 0 ? "" : "V",
                    PLOT_HEIGHT * (1 - (double)before / (double)times->count), next);
            x = next;
        }
        before += times->cells[cell];
    }
    fprintf(file, "%s%.1fH%d\"/>\n", x == 0 ? "" : "V",
            PLOT_HEIGHT * (1 - (double)before / (double)times->count), PLOT_WIDTH);
}

static void put_times(const picture *picture, size_t index) {
    const wasinn__bench_block *block = &picture->blocks[index];
    double median = wasinn__histogram_quantile(&block->figures[WASINN__ARM_NATIVE].times, 0.5);
    double unit = median < 1e6 ? 1e3 : median < 1e9 ? 1e6 : 1e9, ticks[MOST_TICKS];
    const char *name = median < 1e6 ? "microseconds" : median < 1e9 ? "milliseconds" : "seconds";
    axis axis = time_axis(block, unit);
    char title[128];
    snprintf(title, sizeof title, "%u %s", block->instances,
             block->instances == 1 ? "guest" : "guests at once");
    begin_panel(picture, index, title);
    for (int tick = 0; tick <= 100; tick += 25)
        put_tick(picture->file, false, 0, PLOT_HEIGHT * (1 - tick / 100.0), tick);
    size_t count = ticks_of(&axis, 6, ticks);
    for (size_t i = 0; i < count; i++)
        put_tick(picture->file, true, share_on(&axis, ticks[i]) * PLOT_WIDTH, 0, ticks[i]);
    for (int arm = 0; arm < WASINN__ARMS; arm++)
        if (block->figures[arm].there)
            put_curve(picture->file, &block->figures[arm].times, arm, &axis, unit);
    snprintf(title, sizeof title, "time of an inference, %s: the middle 98 %%", name);
    put_text(picture->file, PLOT_WIDTH / 2.0, PLOT_HEIGHT + 40, "middle", "", title);
    fprintf(picture->file,
            "<text transform=\"translate(-46 %d) rotate(-90)\" text-anchor=\"middle\">"
            "%% of inferences within it</text>\n</g>\n",
            PLOT_HEIGHT / 2);
}

/* ---- Throughput --------------------------------------------------------------------------------- */

static double rate_of(const wasinn__bench_figure *figure) {
    return (double)figure->times.count / figure->seconds;
}

/* The arms of one number stand side by side, each with its slowest and fastest round. */
static void put_rates_of(const picture *picture, int arm, const axis *axis) {
    double room = PLOT_WIDTH / (double)picture->count;
    FILE *file = picture->file;
    for (size_t i = 0; i < picture->count; i++) {
        const wasinn__bench_figure *figure = &picture->blocks[i].figures[arm];
        double least = HUGE_VAL, most = 0, side = 0;
        if (!figure->there)
            continue;
        for (int other = 0; other < WASINN__ARMS; other++)
            if (picture->blocks[i].figures[other].there && other != arm)
                side += other < arm ? 0.5 : -0.5;
        double x = room * ((double)i + 0.5) + side * fmin(room / 5, 14);
        for (size_t round = 0; round < picture->blocks[i].rounds; round++) {
            least = fmin(least, figure->rates[round]);
            most = fmax(most, figure->rates[round]);
        }
        fprintf(file, "<line class=\"arm%d whisker\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                arm, x, x, PLOT_HEIGHT * (1 - share_on(axis, least)),
                PLOT_HEIGHT * (1 - share_on(axis, most)));
        fprintf(file,
                "<circle class=\"arm%d arm\" cx=\"%.1f\" cy=\"%.1f\" "
                "r=\"4\"/>\n",
                arm, x, PLOT_HEIGHT * (1 - share_on(axis, rate_of(figure))));
    }
}

static void put_rates(const picture *picture) {
    axis axis = {0, 0, false};
    double ticks[MOST_TICKS], room = PLOT_WIDTH / (double)picture->count;
    char text[32];
    for (size_t i = 0; i < picture->count; i++)
        for (int arm = 0; arm < WASINN__ARMS; arm++)
            for (size_t round = 0; round < picture->blocks[i].rounds; round++)
                axis.high = fmax(axis.high, picture->blocks[i].figures[arm].rates[round]);
    axis.high *= 1.05;
    begin_panel(picture, picture->count, "Inferences a second");
    size_t count = ticks_of(&axis, 5, ticks);
    for (size_t i = 0; i < count; i++)
        put_tick(picture->file, false, 0, PLOT_HEIGHT * (1 - share_on(&axis, ticks[i])), ticks[i]);
    for (size_t i = 0; i < picture->count; i++) {
        snprintf(text, sizeof text, "%u", picture->blocks[i].instances);
        put_text(picture->file, room * ((double)i + 0.5), PLOT_HEIGHT + 18, "middle", "", text);
    }
    for (int arm = 0; arm < WASINN__ARMS; arm++)
        put_rates_of(picture, arm, &axis);
    put_text(picture->file, PLOT_WIDTH / 2.0, PLOT_HEIGHT + 40, "middle", "",
             "guests at once; lines: slowest and fastest round");
    fputs("</g>\n", picture->file);
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static void put_head(const picture *picture, int width) {
    const char *path = picture->options->models.list[picture->options->models.count - 1].config.path;
    char title[100];
    wasinn_escape(path, strlen(path), title, sizeof title);
    put_text(picture->file, width / 2.0, 26, "middle", " class=\"title\"", title);
    double x = LEFT;
    for (wasinn__bench_arm arm = 0; arm < WASINN__ARMS; arm++) {
        if (!picture->blocks[0].figures[arm].there)
            continue;
        fprintf(picture->file, "<line class=\"arm arm%d%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"50\" y2=\"50\"/>\n",
                (int)arm, dash_of((int)arm), x, x + 28);
        put_text(picture->file, x + 36, 54, "start", "", wasinn__bench_arm_name(arm));
        x += 150;
    }
}

bool wasinn__bench_plot(FILE *file, const wasinn__bench_options *options, const wasinn__bench_block *blocks,
                        size_t count) {
    picture picture = {options, blocks, count, file};
    int width = 2 * PANEL_WIDTH, height = HEAD + (int)((picture.count + 2) / 2) * PANEL_HEIGHT;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
            width, height, width, height);
    fputs(style, file);
    fprintf(file, "<rect width=\"%d\" height=\"%d\" class=\"ground\"/>\n", width, height);
    put_head(&picture, width);
    for (size_t i = 0; i < picture.count; i++)
        put_times(&picture, i);
    put_rates(&picture);
    fputs("</svg>\n", file);
    return !ferror(file);
}
