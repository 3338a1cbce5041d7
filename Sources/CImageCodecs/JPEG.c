#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

#include "ImageCodecs.h"

/* Progressive files have about ten scans, twenty where a program searched for the smallest; more over a large picture are a way to
 * burn time. */
#define MAXIMUM_SCANS 32

/* Stray bytes before markers, all of a file together: some USB cameras leave a few. Where a damaged scan ends early, its rest
 * looks the same, but is mostly longer. */
#define MAXIMUM_STRAY_BYTES 256

#define ROWS_AT_ONCE 4

struct uio2_jpeg {
  /* First, because the callbacks get a pointer to it and cast it back. */
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  const uio2_image_limits *limits;
  /* Of the call under way, with its result if it fails. */
  uio2_image_report *report;
  uio2_image_status failure;
  size_t stray_bytes;
};

static void give_up(struct uio2_jpeg *decoder, uio2_image_status status) {
  decoder->failure = status;
  longjmp(decoder->escape, 1);
}

static void fail(j_common_ptr jpeg) {
  struct uio2_jpeg *const decoder = (struct uio2_jpeg *)jpeg;
  char message[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, message);
  uio2_image_explain(decoder->report, message);
  give_up(decoder, UIO2_IMAGE_INVALID);
}

/* Warnings have negative levels; the library would go on with grey or smeared blocks. Only what leaves the picture whole is let pass. */
static void note(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  struct uio2_jpeg *const decoder = (struct uio2_jpeg *)jpeg;
  switch (jpeg->err->msg_code) {
  case JWRN_EXTRANEOUS_DATA: {
    const int count = jpeg->err->msg_parm.i[0];
    if (count >= 0 && (size_t)count <= MAXIMUM_STRAY_BYTES - decoder->stray_bytes) {
      decoder->stray_bytes += (size_t)count;
      return;
    }
    break;
  }
  /* A newer revision of the file format, which is compatible. */
  case JWRN_JFIF_MAJOR: return;
  default: break;
  }
  fail(jpeg);
}

static void stay_silent(j_common_ptr jpeg) { (void)jpeg; }

/* Called once a row of blocks, of every scan. */
static void watch(j_common_ptr jpeg) {
  struct uio2_jpeg *const decoder = (struct uio2_jpeg *)jpeg;
  if (uio2_image_is_cancelled(decoder->limits, decoder->report)) give_up(decoder, UIO2_IMAGE_CANCELLED);
  if (decoder->jpeg.input_scan_number > MAXIMUM_SCANS) {
    uio2_image_explain(decoder->report, "too many scans");
    give_up(decoder, UIO2_IMAGE_INVALID);
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

static uio2_image_status read_pixels(struct uio2_jpeg *decoder, uint8_t *rgb) {
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
    uint8_t *const row = rgb + (size_t)jpeg->output_scanline * width * 3;
    if (is_cmyk) {
      if (jpeg_read_scanlines(jpeg, inks, 1) == 1) convert_inverted_cmyk(inks[0], row, width);
      continue;
    }
    /* The library gives as many as it has ready, mostly one or two. */
    const JDIMENSION left = jpeg->output_height - jpeg->output_scanline;
    const JDIMENSION wanted = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
    JSAMPROW rows[ROWS_AT_ONCE];
    for (size_t i = 0; i < wanted; ++i) rows[i] = row + i * width * 3;
    jpeg_read_scanlines(jpeg, rows, wanted);
  }
  /* Reads on to the end marker, and so notices when there is none. */
  jpeg_finish_decompress(jpeg);
  return UIO2_IMAGE_OK;
}

uio2_jpeg *uio2_jpeg_open(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uio2_image_report *report) {
  /* On the heap, so that nothing that changes after setjmp lives in a register. */
  struct uio2_jpeg *const decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) {
    uio2_image_explain(report, "out of memory");
    return NULL;
  }
  decoder->limits = limits;
  decoder->report = report;
  decoder->jpeg.err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = fail;
  decoder->errors.emit_message = note;
  decoder->errors.output_message = stay_silent;
  if (setjmp(decoder->escape) != 0) {
    uio2_jpeg_close(decoder);
    return NULL;
  }
  jpeg_create_decompress(&decoder->jpeg);
  decoder->progress.progress_monitor = watch;
  decoder->jpeg.progress = &decoder->progress;
  jpeg_mem_src(&decoder->jpeg, bytes, count);
  jpeg_read_header(&decoder->jpeg, TRUE);
  report->width = decoder->jpeg.image_width;
  report->height = decoder->jpeg.image_height;
  return decoder;
}

uio2_image_status uio2_jpeg_read(uio2_jpeg *decoder, uint8_t *rgb, uio2_image_report *report) {
  decoder->report = report;
  if (setjmp(decoder->escape) != 0) return decoder->failure;
  return read_pixels(decoder, rgb);
}

void uio2_jpeg_close(uio2_jpeg *decoder) {
  if (decoder == NULL) return;
  jpeg_destroy_decompress(&decoder->jpeg);
  free(decoder);
}
