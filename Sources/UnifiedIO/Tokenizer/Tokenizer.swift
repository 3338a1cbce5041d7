import CSentencePiece
import Foundation

/// Text to ids and back: LLaMA's SentencePiece vocabulary with Unified-IO 2's own pieces behind it.
///
/// The appended pieces (locations, frame markers, modality prefixes) match before any merging and include the space before
/// them: `"a <extra_id_3>"` holds one, `"a<extra_id_3>"` does not. All methods may be called from several threads at once.
public final class Tokenizer: Sendable {
  /// Begin of sequence, which the decoder starts from.
  public static let bos: Int32 = 0
  /// Padding; the same id as ``bos``.
  public static let pad: Int32 = 0
  /// End of sequence.
  public static let eos: Int32 = 1
  /// What text that no piece covers becomes; decoded as `" ⁇ "`.
  public static let unknown: Int32 = 2

  /// Number of pieces before the appended ones, and so the first appended id; 32,000 in the release.
  public let baseCount: Int
  /// Number of pieces, ``baseCount`` + 1225. The model's embeddings may have more rows.
  public let count: Int

  private let processor: Processor
  /// Knows the pieces before the appended ones only, and puts no space before a text.
  private let literalProcessor: Processor
  /// The ids of the appended pieces by their bytes.
  let appendedIDs: [[UInt8]: Int32]

  /// Reads a LLaMA `tokenizer.model` as it was published; the pieces of Unified-IO 2 are added here.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile`, or `.invalidTokenizer` for any bytes that are not such a file.
  public convenience init(modelFile: URL) throws(ModelError) {
    let bytes: [UInt8]
    do {
      let size = try FileManager.default.attributesOfItem(atPath: modelFile.path)[.size] as? Int ?? 0
      guard size <= Self.maximumFileSize else {
        throw SentencePieceModel.invalid("\(size) bytes; a tokenizer has at most \(Self.maximumFileSize)")
      }
      bytes = Array(try Data(contentsOf: modelFile))
    } catch let error as ModelError {
      throw error
    } catch {
      throw ModelError(.unreadableFile, modelFile.path, error.localizedDescription)
    }
    try self.init(serializedModel: bytes)
  }

  /// As ``init(modelFile:)``, from the bytes of the file.
  ///
  /// - Throws: ``ModelError`` `.invalidTokenizer`.
  public init(serializedModel: [UInt8]) throws(ModelError) {
    var model = try SentencePieceModel(serialized: serializedModel)
    baseCount = model.pieces.count
    try model.adaptToUnifiedIO()
    literalProcessor = try Processor(serialized: model.literal(pieces: baseCount).serialized())
    count = model.pieces.count
    appendedIDs = Dictionary(
      model.pieces.enumerated().dropFirst(baseCount).map { ($0.element.text, Int32($0.offset)) },
      uniquingKeysWith: { first, _ in first })
    processor = try Processor(serialized: model.serialized())
    guard processor.count == count else {
      throw SentencePieceModel.invalid("\(processor.count) pieces were loaded of \(count)")
    }
  }

  /// The ids of `text`, without BOS and EOS. A `▁` (U+2581) in it counts as a space.
  ///
  /// Any text has ids; empty text has none.
  public func encode(_ text: String) -> [Int32] {
    processor.encode(text)
  }

  /// The ids of UTF-8 text in which nothing is special, without the space that ``encode(_:)-(String)`` puts before a text.
  func encodeLiterally(_ bytes: ArraySlice<UInt8>) -> [Int32] {
    bytes.isEmpty ? [] : literalProcessor.encode(String(decoding: bytes, as: UTF8.self))
  }

  /// The text of `tokens` up to the first EOS, without one leading space.
  ///
  /// BOS and EOS vanish, an id that is no piece reads as unknown (`" ⁇ "`), bytes that are not UTF-8 become U+FFFD.
  public func decode(_ tokens: [Int32]) -> String {
    let end = tokens.firstIndex(of: Self.eos) ?? tokens.endIndex
    return processor.decode(tokens[..<end].map { $0 < 0 || Int($0) >= count ? Self.unknown : $0 })
  }

  /// 64 MiB; the release's file has half a megabyte.
  private static let maximumFileSize = 64 << 20
}

/// The library's object. Its `const` methods only read, so they need no lock.
private final class Processor: @unchecked Sendable {
  private let handle: OpaquePointer

  init(serialized: [UInt8]) throws(ModelError) {
    var message = [CChar](repeating: 0, count: 256)
    guard let handle = uio2_sentencepiece_create(serialized, serialized.count, &message, message.count) else {
      let reason = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw SentencePieceModel.invalid(String(decoding: reason, as: UTF8.self))
    }
    self.handle = handle
  }

  deinit { uio2_sentencepiece_free(handle) }

  var count: Int { Int(uio2_sentencepiece_count(handle)) }

  /// Empty when memory runs out, the one way in which this can fail.
  func encode(_ text: String) -> [Int32] {
    var text = text
    var ids: UnsafeMutablePointer<Int32>?
    var idCount = 0
    let status = text.withUTF8 {
      uio2_sentencepiece_encode(handle, $0.baseAddress, $0.count, &ids, &idCount)
    }
    defer { uio2_sentencepiece_free_buffer(ids) }
    guard status == 0, let ids else { return [] }
    return Array(UnsafeBufferPointer(start: ids, count: idCount))
  }

  /// Empty when memory runs out; the caller has brought all ids into range.
  func decode(_ tokens: [Int32]) -> String {
    var text: UnsafeMutablePointer<UInt8>?
    var textCount = 0
    let status = uio2_sentencepiece_decode(handle, tokens, tokens.count, &text, &textCount)
    defer { uio2_sentencepiece_free_buffer(text) }
    guard status == 0, let text else { return "" }
    return String(decoding: UnsafeBufferPointer(start: text, count: textCount), as: UTF8.self)
  }
}
