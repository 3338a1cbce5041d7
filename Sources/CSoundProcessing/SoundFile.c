#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "CSoundProcessing.h"

enum { FRAMES_AT_ONCE = 1024, MAXIMUM_CHANNELS = 64 };

/* A file in memory, for libsndfile's callbacks. */
struct memory {
  /* NULL while writing. */
  const uio2_sound_limits *limits;
  const uint8_t *bytes;
  uint8_t *writable;
  sf_count_t count;
  sf_count_t capacity;
  sf_count_t position;
};

struct uio2_sound_reader {
  struct memory memory;
  SNDFILE *file;
  int channels;
  float *interleaved;
};

static int is_cancelled(const uio2_sound_limits *limits) {
  return limits != NULL && limits->is_cancelled != NULL && limits->is_cancelled(limits->context);
}

static sf_count_t length_of(void *data) { return ((struct memory *)data)->count; }

static sf_count_t tell(void *data) { return ((struct memory *)data)->position; }

static sf_count_t seek(sf_count_t offset, int whence, void *data) {
  struct memory *memory = data;
  const sf_count_t base = whence == SEEK_CUR ? memory->position : whence == SEEK_END ? memory->count : 0;
  /* A damaged header may ask for any offset; `base` is never negative, so neither comparison overflows. */
  if (offset < -base) return -1;
  if (offset > memory->capacity - base) return -1;
  memory->position = base + offset;
  return memory->position;
}

static sf_count_t read_bytes(void *out, sf_count_t count, void *data) {
  struct memory *memory = data;
  const sf_count_t left = memory->count - memory->position;
  if (count > left) count = left;
  /* Some headers are looked for in the whole file: to a library that is called off it ends here. */
  if (count <= 0 || is_cancelled(memory->limits)) return 0;
  memcpy(out, memory->bytes + memory->position, (size_t)count);
  memory->position += count;
  return count;
}

static sf_count_t write_bytes(const void *in, sf_count_t count, void *data) {
  struct memory *memory = data;
  const sf_count_t left = memory->capacity - memory->position;
  if (memory->writable == NULL || count > left) return 0;
  if (count <= 0) return 0;
  memcpy(memory->writable + memory->position, in, (size_t)count);
  memory->position += count;
  if (memory->position > memory->count) memory->count = memory->position;
  return count;
}

static SF_VIRTUAL_IO callbacks(void) {
  SF_VIRTUAL_IO io = {length_of, seek, read_bytes, write_bytes, tell};
  return io;
}

static void explain(uio2_sound_report *report, const char *message) {
  snprintf(report->message, sizeof report->message, "%s", message);
}

/* libsndfile knows many more formats, some with old and little-used parsers: strangers do not get there. */
static int is_known(const uint8_t *bytes, size_t count) {
  static const char marks[][5] = {"RIFF", "RIFX", "RF64", "fLaC", "OggS"};
  if (bytes == NULL || count < 12) return 0;
  for (size_t i = 0; i < sizeof marks / sizeof marks[0]; ++i) {
    if (memcmp(bytes, marks[i], 4) == 0) return 1;
  }
  return 0;
}

static int give_up(const uio2_sound_limits *limits, uio2_sound_report *report) {
  if (!is_cancelled(limits)) return 0;
  explain(report, "nobody waits for it any more");
  report->is_cancelled = 1;
  return 1;
}

static int check_header(const SF_INFO *info, uio2_sound_report *report) {
  if (info->channels > MAXIMUM_CHANNELS) {
    snprintf(
        report->message, sizeof report->message, "%d channels; at most %d are read", info->channels, MAXIMUM_CHANNELS);
    return 0;
  }
  if (info->channels < 1 || info->samplerate < 1 || info->frames < 0) {
    explain(report, "the header makes no sense");
    return 0;
  }
  return 1;
}

uio2_sound_reader *uio2_sound_open(
    const uint8_t *bytes, size_t count, const uio2_sound_limits *limits, uio2_sound_report *report) {
  memset(report, 0, sizeof *report);
  if (!is_known(bytes, count)) {
    explain(report, "neither WAV nor FLAC nor OGG");
    return NULL;
  }
  uio2_sound_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) {
    explain(report, "out of memory");
    return NULL;
  }
  reader->memory.limits = limits;
  reader->memory.bytes = bytes;
  reader->memory.count = (sf_count_t)count;
  reader->memory.capacity = (sf_count_t)count;
  SF_INFO info = {0};
  SF_VIRTUAL_IO io = callbacks();
  reader->file = sf_open_virtual(&io, SFM_READ, &info, &reader->memory);
  if (reader->file == NULL || is_cancelled(limits)) {
    if (!give_up(limits, report)) explain(report, sf_strerror(NULL));
    uio2_sound_close(reader);
    return NULL;
  }
  if (!check_header(&info, report)) {
    uio2_sound_close(reader);
    return NULL;
  }
  reader->channels = info.channels;
  reader->interleaved = malloc(sizeof(float) * FRAMES_AT_ONCE * (size_t)info.channels);
  if (reader->interleaved == NULL) {
    explain(report, "out of memory");
    uio2_sound_close(reader);
    return NULL;
  }
  report->frames = (uint64_t)info.frames;
  report->channels = (uint32_t)info.channels;
  report->sample_rate = (uint32_t)info.samplerate;
  return reader;
}

int64_t uio2_sound_read(uio2_sound_reader *reader, float *mono, size_t capacity, uio2_sound_report *report) {
  size_t done = 0;
  while (done < capacity) {
    if (give_up(reader->memory.limits, report)) return -1;
    const size_t wanted = capacity - done < FRAMES_AT_ONCE ? capacity - done : FRAMES_AT_ONCE;
    const sf_count_t count = sf_readf_float(reader->file, reader->interleaved, (sf_count_t)wanted);
    if (sf_error(reader->file) != SF_ERR_NO_ERROR) {
      explain(report, sf_strerror(reader->file));
      return -1;
    }
    if (count <= 0) break;
    for (sf_count_t frame = 0; frame < count; ++frame) {
      const float *values = reader->interleaved + frame * reader->channels;
      float sum = 0;
      for (int channel = 0; channel < reader->channels; ++channel) sum += values[channel];
      mono[done + (size_t)frame] = sum / (float)reader->channels;
    }
    done += (size_t)count;
  }
  return (int64_t)done;
}

void uio2_sound_close(uio2_sound_reader *reader) {
  if (reader == NULL) return;
  if (reader->file != NULL) sf_close(reader->file);
  free(reader->interleaved);
  free(reader);
}

size_t uio2_sound_write_wav(
    const float *mono, size_t count, uint32_t sample_rate, uint8_t *bytes, size_t capacity) {
  struct memory memory = {NULL, bytes, bytes, 0, (sf_count_t)capacity, 0};
  SF_INFO info = {0};
  info.samplerate = (int)sample_rate;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  SF_VIRTUAL_IO io = callbacks();
  SNDFILE *file = sf_open_virtual(&io, SFM_WRITE, &info, &memory);
  if (file == NULL) return 0;
  sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
  const sf_count_t written = sf_writef_float(file, mono, (sf_count_t)count);
  const int status = sf_close(file);
  return written == (sf_count_t)count && status == 0 ? (size_t)memory.count : 0;
}
