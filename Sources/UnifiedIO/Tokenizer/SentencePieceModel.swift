/// What encoding and decoding need of a SentencePiece `ModelProto`, read and checked before the C++ library sees any of it.
///
/// The library trusts its files in places (a normaliser table is walked without bounds, a failed check ends the process).
/// So the file is parsed here, everything that Unified-IO 2 does not use is refused or left out, and a new message is written
/// from the checked values alone.
package struct SentencePieceModel: Sendable {
  /// `ModelProto.SentencePiece.Type`.
  package enum Kind: UInt64, Sendable {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  package struct Piece: Sendable {
    package var text: [UInt8]
    package var score: Float
    package var kind: Kind

    package init(text: [UInt8], score: Float = 0, kind: Kind) {
      self.text = text
      self.score = score
      self.kind = kind
    }
  }

  /// Pieces in the order of their ids.
  package var pieces: [Piece] = []
  private var byteFallback = false
  private var whitespaceIsSuffix = false
  private var unknownSurface: [UInt8]?
  private var addsDummyPrefix = true
  private var removesExtraWhitespace = true
  private var escapesWhitespace = true

  /// Larger vocabularies than this are taken for damage: the release has 32,000 pieces.
  static let maximumPieceCount = 1 << 20

  /// Reads a LLaMA-style model: byte-pair encoding, identity normaliser, pieces 0...2 being unknown, BOS and EOS.
  ///
  /// - Throws: ``ModelError`` `.invalidTokenizer` for bytes that are not such a model.
  package init(serialized: [UInt8]) throws(ModelError) {
    var isBytePairEncoding = false
    do throws(ProtobufReader.Malformed) {
      var reader = ProtobufReader(serialized[...])
      while let (number, value) = try reader.next() {
        switch (number, value) {
        case (1, .bytes(let message)):
          guard pieces.count < Self.maximumPieceCount else { throw ProtobufReader.Malformed("too many pieces") }
          pieces.append(try Self.piece(message))
        case (2, .bytes(let message)): isBytePairEncoding = try readTrainer(message)
        case (3, .bytes(let message)): try readNormalizer(message)
        default: break  // Self-test data and the denormaliser, which no LLaMA-style model has.
        }
      }
    } catch {
      throw Self.invalid(error.reason)
    }
    guard isBytePairEncoding else { throw Self.invalid("expected a byte-pair encoding model, as LLaMA's is") }
    try checkPieces()
  }

  /// The message for the library.
  package func serialized() -> [UInt8] {
    var model = ProtobufWriter()
    for piece in pieces {
      var message = ProtobufWriter()
      message.field(1, bytes: piece.text)
      message.field(2, float: piece.score)
      message.field(3, varint: piece.kind.rawValue)
      model.field(1, bytes: message.bytes)
    }
    var trainer = ProtobufWriter()
    trainer.field(TrainerField.modelType, varint: TrainerField.bytePairEncoding)
    trainer.field(TrainerField.whitespaceIsSuffix, varint: whitespaceIsSuffix ? 1 : 0)
    trainer.field(TrainerField.byteFallback, varint: byteFallback ? 1 : 0)
    if let unknownSurface { trainer.field(TrainerField.unknownSurface, bytes: unknownSurface) }
    model.field(2, bytes: trainer.bytes)
    var normalizer = ProtobufWriter()
    normalizer.field(NormalizerField.name, bytes: "identity".utf8)
    normalizer.field(NormalizerField.addsDummyPrefix, varint: addsDummyPrefix ? 1 : 0)
    normalizer.field(NormalizerField.removesExtraWhitespace, varint: removesExtraWhitespace ? 1 : 0)
    normalizer.field(NormalizerField.escapesWhitespace, varint: escapesWhitespace ? 1 : 0)
    model.field(3, bytes: normalizer.bytes)
    return model.bytes
  }

  /// The same with the first pieces alone, for text of which not even the spaces around it change.
  func literal(pieces count: Int) -> SentencePieceModel {
    var model = self
    model.pieces = Array(pieces.prefix(count))
    model.addsDummyPrefix = false
    model.removesExtraWhitespace = false
    return model
  }

  private enum TrainerField {
    static let modelType = 3
    static let whitespaceIsSuffix = 24
    static let byteFallback = 35
    static let unknownSurface = 44
    static let bytePairEncoding: UInt64 = 2
  }

  private enum NormalizerField {
    static let name = 1
    static let characterMap = 2
    static let addsDummyPrefix = 3
    static let removesExtraWhitespace = 4
    static let escapesWhitespace = 5
  }

  private static func piece(_ message: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) -> Piece {
    var piece = Piece(text: [], kind: .normal)
    var reader = ProtobufReader(message)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let text)): piece.text = Array(text)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .varint(let raw)):
        guard let kind = Kind(rawValue: raw) else { throw ProtobufReader.Malformed("unknown kind of piece \(raw)") }
        piece.kind = kind
      case (1...3, _): throw ProtobufReader.Malformed("a field of a piece has the wrong type")
      default: break
      }
    }
    return piece
  }

  /// Returns whether the model type is byte-pair encoding.
  private mutating func readTrainer(_ message: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) -> Bool {
    var isBytePairEncoding = false
    var reader = ProtobufReader(message)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (TrainerField.modelType, .varint(let type)): isBytePairEncoding = type == TrainerField.bytePairEncoding
      case (TrainerField.whitespaceIsSuffix, .varint(let flag)): whitespaceIsSuffix = flag != 0
      case (TrainerField.byteFallback, .varint(let flag)): byteFallback = flag != 0
      case (TrainerField.unknownSurface, .bytes(let text)): unknownSurface = Array(text)
      default: break
      }
    }
    return isBytePairEncoding
  }

  private mutating func readNormalizer(_ message: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) {
    var reader = ProtobufReader(message)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (NormalizerField.characterMap, .bytes(let map)):
        guard map.isEmpty else { throw ProtobufReader.Malformed("a normaliser other than identity") }
      case (NormalizerField.addsDummyPrefix, .varint(let flag)): addsDummyPrefix = flag != 0
      case (NormalizerField.removesExtraWhitespace, .varint(let flag)): removesExtraWhitespace = flag != 0
      case (NormalizerField.escapesWhitespace, .varint(let flag)): escapesWhitespace = flag != 0
      default: break
      }
    }
  }

  private func checkPieces() throws(ModelError) {
    guard pieces.count >= 3, pieces[0].kind == .unknown, pieces[1].kind == .control, pieces[2].kind == .control else {
      throw Self.invalid("expected pieces 0, 1, 2 to be <unk>, <s>, </s>; is this LLaMA's tokenizer.model?")
    }
    var seen = Set<[UInt8]>(minimumCapacity: pieces.count)
    for (id, piece) in pieces.enumerated() {
      guard !piece.text.isEmpty, !piece.text.contains(0), String(validating: piece.text, as: UTF8.self) != nil else {
        throw Self.invalid("piece \(id) is empty or not text")
      }
      guard piece.score.isFinite else { throw Self.invalid("piece \(id) has no finite score") }
      guard id == 0 || piece.kind != .unknown else { throw Self.invalid("piece \(id) is a second unknown piece") }
      guard seen.insert(piece.text).inserted else { throw Self.invalid("piece \(id) appears twice") }
    }
  }

  static func invalid(_ message: String) -> ModelError {
    ModelError(.invalidTokenizer, "tokenizer.model", message)
  }
}
