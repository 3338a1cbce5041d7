#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "ImageCodecs.h"

/* Real progressive files have about ten scans; thousands over a large picture are a way to burn time. */
#define MAXIMUM_SCANS 100

struct decoder {
  /* First, because the callbacks get a pointer to it and cast it back. */
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  uio2_image_report *report;
};

static void keep_message(j_common_ptr jpeg) {
  char message[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, message);
  uio2_image_explain(((struct decoder *)jpeg)->report, message);
}

static void fail(j_common_ptr jpeg) {
  keep_message(jpeg);
  longjmp(((struct decoder *)jpeg)->escape, 1);
}

/* Warnings have negative levels; the library would go on with grey or smeared blocks. */
static void note(j_common_ptr jpeg, int level) {
  if (level < 0) fail(jpeg);
}

static void stay_silent(j_common_ptr jpeg) { (void)jpeg; }

static void count_scans(j_common_ptr jpeg) {
  struct decoder *decoder = (struct decoder *)jpeg;
  if (decoder->jpeg.input_scan_number > MAXIMUM_SCANS) {
    uio2_image_explain(decoder->report, "too many scans");
    longjmp(decoder->escape, 1);
  }
}

/* a * b / 255, rounded, in the way of PIL. */
static unsigned scaled(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/* Adobe writes CMYK inverted: 255 is no ink. */
static void convert_inverted_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) {
    const unsigned white = cmyk[4 * i + 3];
    for (size_t c = 0; c < 3; ++c) {
      rgb[3 * i + c] = (uint8_t)(white - scaled(255u - cmyk[4 * i + c], white));
    }
  }
}

static uio2_image_status read_pixels(struct decoder *decoder, uint8_t *rgb) {
  struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
  const int is_cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
  jpeg->out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW;
  jpeg->do_fancy_upsampling = TRUE;
  jpeg_start_decompress(jpeg);
  const size_t width = jpeg->output_width;
  if (width != decoder->report->width || jpeg->output_height != decoder->report->height ||
      jpeg->output_components != (is_cmyk ? 4 : 3)) {
    uio2_image_explain(decoder->report, "unexpected layout");
    return UIO2_IMAGE_INVALID;
  }
  JSAMPARRAY inks = NULL;
  if (is_cmyk) {
    inks = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, (JDIMENSION)(width * 4), 1);
  }
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *row = rgb + (size_t)jpeg->output_scanline * width * 3;
    if (is_cmyk) {
      if (jpeg_read_scanlines(jpeg, inks, 1) == 1) convert_inverted_cmyk(inks[0], row, width);
    } else {
      JSAMPROW rows[1] = {row};
      jpeg_read_scanlines(jpeg, rows, 1);
    }
  }
  /* Reads on to the end marker, and so notices when there is none. */
  jpeg_finish_decompress(jpeg);
  return UIO2_IMAGE_OK;
}

uio2_image_status uio2_jpeg_decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report) {
  /* On the heap, so that nothing that changes after setjmp lives in a register. */
  struct decoder *const decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) {
    uio2_image_explain(report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  decoder->report = report;
  decoder->jpeg.err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = fail;
  decoder->errors.emit_message = note;
  decoder->errors.output_message = stay_silent;
  if (setjmp(decoder->escape) != 0) {
    jpeg_destroy_decompress(&decoder->jpeg);
    free(decoder);
    return UIO2_IMAGE_INVALID;
  }
  jpeg_create_decompress(&decoder->jpeg);
  decoder->progress.progress_monitor = count_scans;
  decoder->jpeg.progress = &decoder->progress;
  jpeg_mem_src(&decoder->jpeg, bytes, count);
  jpeg_read_header(&decoder->jpeg, TRUE);
  uio2_image_status status = uio2_image_check_size(
      decoder->jpeg.image_width, decoder->jpeg.image_height, limits, rgb, capacity, report);
  if (status == UIO2_IMAGE_OK && rgb != NULL) status = read_pixels(decoder, rgb);
  jpeg_destroy_decompress(&decoder->jpeg);
  free(decoder);
  return status;
}
