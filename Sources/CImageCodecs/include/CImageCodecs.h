/* JPEG and PNG to 8-bit RGB, and 8-bit RGB to PNG, over libjpeg-turbo and libpng. Their error jumps never leave this target, and the
 * pixels' buffers belong to the caller. */
#ifndef UIO2_CIMAGECODECS_H
#define UIO2_CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

typedef enum uio2_image_status {
  UIO2_IMAGE_OK = 0,
  /* Neither JPEG nor PNG. */
  UIO2_IMAGE_UNKNOWN_FORMAT = 1,
  /* More pixels than the limits allow, or than the buffer holds. */
  UIO2_IMAGE_TOO_LARGE = 2,
  /* Damaged, cut short, or of a kind that the library does not read; the message says which. */
  UIO2_IMAGE_INVALID = 3,
  /* The caller wanted no more. */
  UIO2_IMAGE_CANCELLED = 4,
} uio2_image_status;

typedef struct uio2_image_limits {
  uint32_t maximum_side;
  uint64_t maximum_pixels;
  /* Asked at least once a row of pixels and once for each 64 KiB of the file; anything but 0 ends the work. NULL: never asked. */
  int (*is_cancelled)(void *context);
  void *context;
} uio2_image_limits;

typedef struct uio2_image_report {
  /* Pixels, as stored; orientation tags are the caller's business. */
  uint32_t width;
  uint32_t height;
  /* What was wrong, NUL-terminated; empty when nothing was. */
  char message[200];
} uio2_image_report;

/* A file whose header has been read. */
typedef struct uio2_image_reader uio2_image_reader;

/* Reads the header of a file: the dimensions, held against `limits`. Allocates nothing of the picture's size, and inflates nothing.
 *
 * `bytes` and `limits` must stay where they are until uio2_image_close. `*reader` is NULL on any status but UIO2_IMAGE_OK. */
uio2_image_status uio2_image_open(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uio2_image_reader **reader,
    uio2_image_report *report);

/* Decodes into `rgb`, once: rows from the top, 3 bytes a pixel, no padding. `capacity` must be at least width * height * 3 of the
 * header. On any status but UIO2_IMAGE_OK the buffer holds no picture.
 *
 * JPEG: the accurate integer transform and smooth chroma, as PIL's default. Damage and files that are cut short are refused; some
 * stray bytes before a marker, as USB cameras leave them, are passed over. At most 32 scans are read. CMYK is taken as Adobe writes
 * it, inverted.
 *
 * PNG: 16 bits are cut to the upper 8, palettes and grey become RGB, alpha and transparency are dropped, gamma is ignored. Only the
 * chunks that a picture cannot do without are looked into. The chunks have to be there up to the end, with the right checksums, but
 * nothing behind the last row is inflated. */
uio2_image_status uio2_image_read(
    uio2_image_reader *reader, uint8_t *rgb, size_t capacity, uio2_image_report *report);

/* NULL is allowed. */
void uio2_image_close(uio2_image_reader *reader);

/* Takes the next bytes of a file that is being written. */
typedef void (*uio2_image_sink)(void *context, const uint8_t *bytes, size_t count);

/* Writes `rgb` (rows from the top, 3 bytes a pixel, no padding) as an 8-bit RGB PNG file, piece by piece into `sink`. */
uio2_image_status uio2_png_encode(
    const uint8_t *rgb, uint32_t width, uint32_t height, uio2_image_sink sink, void *context, uio2_image_report *report);

/* The same for `grey`, one 16-bit number a pixel. */
uio2_image_status uio2_png_encode_grey16(
    const uint16_t *grey, uint32_t width, uint32_t height, uio2_image_sink sink, void *context,
    uio2_image_report *report);

#endif
