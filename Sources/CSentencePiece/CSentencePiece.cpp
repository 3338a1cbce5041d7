#include "CSentencePiece.h"

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sentencepiece_processor.h>

struct uio2_sentencepiece {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

void explain(const char *reason, char *message, size_t capacity) {
  if (message != nullptr && capacity > 0) {
    std::snprintf(message, capacity, "%s", reason);
  }
}

/* A buffer that C can release; one byte at least, so that an empty result is not mistaken for a failure. */
void *copied(const void *bytes, size_t count) {
  void *buffer = std::malloc(count > 0 ? count : 1);
  if (buffer != nullptr && count > 0) {
    std::memcpy(buffer, bytes, count);
  }
  return buffer;
}

}  // namespace

uio2_sentencepiece *uio2_sentencepiece_create(
    const uint8_t *bytes, size_t count, char *message, size_t message_capacity) {
  /* The loader fills process-wide defaults the first time and is documented not to be thread-safe. */
  static std::mutex loading;
  explain("", message, message_capacity);
  if (bytes == nullptr || count == 0 || count > static_cast<size_t>(INT_MAX)) {
    explain("empty, or larger than a protobuf message may be", message, message_capacity);
    return nullptr;
  }
  try {
    const std::lock_guard<std::mutex> guard(loading);
    auto loaded = std::make_unique<uio2_sentencepiece>();
    const auto status =
        loaded->processor.LoadFromSerializedProto(absl::string_view(reinterpret_cast<const char *>(bytes), count));
    if (!status.ok()) {
      explain(status.error_message(), message, message_capacity);
      return nullptr;
    }
    return loaded.release();
  } catch (const std::exception &error) {
    explain(error.what(), message, message_capacity);
  } catch (...) {
    explain("unknown exception", message, message_capacity);
  }
  return nullptr;
}

void uio2_sentencepiece_free(uio2_sentencepiece *processor) { delete processor; }

int32_t uio2_sentencepiece_count(const uio2_sentencepiece *processor) {
  return processor == nullptr ? 0 : static_cast<int32_t>(processor->processor.GetPieceSize());
}

int uio2_sentencepiece_encode(
    const uio2_sentencepiece *processor, const uint8_t *text, size_t count, int32_t **ids, size_t *id_count) {
  static_assert(sizeof(int) == sizeof(int32_t), "ids are copied as they are");
  if (ids == nullptr || id_count == nullptr) return -1;
  *ids = nullptr;
  *id_count = 0;
  if (processor == nullptr || (text == nullptr && count > 0)) return -1;
  try {
    std::vector<int> found;
    const absl::string_view view = count > 0 ? absl::string_view(reinterpret_cast<const char *>(text), count) : "";
    if (!processor->processor.Encode(view, &found).ok()) return -1;
    *ids = static_cast<int32_t *>(copied(found.data(), found.size() * sizeof(int32_t)));
    if (*ids == nullptr) return -1;
    *id_count = found.size();
    return 0;
  } catch (...) {
    return -1;
  }
}

int uio2_sentencepiece_decode(
    const uio2_sentencepiece *processor, const int32_t *ids, size_t count, uint8_t **text, size_t *text_count) {
  if (text == nullptr || text_count == nullptr) return -1;
  *text = nullptr;
  *text_count = 0;
  if (processor == nullptr || (ids == nullptr && count > 0)) return -1;
  try {
    const int pieces = processor->processor.GetPieceSize();
    std::vector<int> copy;
    copy.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      /* The library indexes its table without looking. */
      if (ids[i] < 0 || ids[i] >= pieces) return -1;
      copy.push_back(ids[i]);
    }
    std::string joined;
    if (!processor->processor.Decode(copy, &joined).ok()) return -1;
    *text = static_cast<uint8_t *>(copied(joined.data(), joined.size()));
    if (*text == nullptr) return -1;
    *text_count = joined.size();
    return 0;
  } catch (...) {
    return -1;
  }
}

void uio2_sentencepiece_free_buffer(void *buffer) { std::free(buffer); }
