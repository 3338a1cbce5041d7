/* A plain C face over libsentencepiece: no C++ type and no exception crosses it. */
#ifndef UIO2_CSENTENCEPIECE_H
#define UIO2_CSENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded vocabulary. All functions that take it `const` may run on several threads at once. */
typedef struct uio2_sentencepiece uio2_sentencepiece;

/* Loads a serialized ModelProto of `count` bytes. Returns NULL when the library refuses it, with the reason, cut to
 * `message_capacity` bytes and NUL-terminated, in `message`. Release with `uio2_sentencepiece_free`. */
uio2_sentencepiece *uio2_sentencepiece_create(
    const uint8_t *bytes, size_t count, char *message, size_t message_capacity);

/* Accepts NULL. */
void uio2_sentencepiece_free(uio2_sentencepiece *processor);

/* Number of pieces; ids run from 0 to one less. */
int32_t uio2_sentencepiece_count(const uio2_sentencepiece *processor);

/* Cuts `count` bytes of UTF-8 into ids, without BOS and EOS. On success returns 0 and a buffer of `*id_count` ids, to be
 * released with `uio2_sentencepiece_free_buffer`; otherwise returns -1 and leaves NULL. */
int uio2_sentencepiece_encode(
    const uio2_sentencepiece *processor, const uint8_t *text, size_t count, int32_t **ids, size_t *id_count);

/* Joins `count` ids to UTF-8. An id outside 0..<count() is refused. On success returns 0 and a buffer of `*text_count`
 * bytes, to be released with `uio2_sentencepiece_free_buffer`; otherwise returns -1 and leaves NULL. */
int uio2_sentencepiece_decode(
    const uio2_sentencepiece *processor, const int32_t *ids, size_t count, uint8_t **text, size_t *text_count);

/* Accepts NULL. */
void uio2_sentencepiece_free_buffer(void *buffer);

#ifdef __cplusplus
}
#endif

#endif
