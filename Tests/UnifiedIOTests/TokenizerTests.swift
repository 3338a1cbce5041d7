import Foundation
import TestSupport
import Testing
import UnifiedIO

/// The ids and texts that the reference gives for a small LLaMA-style vocabulary.
private struct Golden: Decodable, Sendable {
  struct Encoding: Decodable, Sendable {
    var text: String
    var ids: [Int32]
    var decoded: String
  }
  struct Decoding: Decodable, Sendable {
    var ids: [Int32]
    var decoded: String
  }
  var n_pieces: Int
  var base_pieces: Int
  var specials: [String: Int32]
  var encode: [Encoding]
  var decode: [Decoding]

  static func load() throws -> Golden {
    try JSONDecoder().decode(Golden.self, from: Data(contentsOf: Fixtures.url("tiny-a/tokenizer_golden.json")))
  }
}

@Suite struct TokenizerTests {
  let tokenizer: Tokenizer
  private let golden: Golden

  init() throws {
    tokenizer = try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model"))
    golden = try Golden.load()
  }

  @Test func countsPiecesAsTheReference() {
    #expect(tokenizer.baseCount == golden.base_pieces)
    #expect(tokenizer.count == golden.n_pieces)
  }

  @Test func encodesAsTheReference() {
    for example in golden.encode {
      #expect(tokenizer.encode(example.text) == example.ids, "\(example.text)")
    }
  }

  @Test func decodesItsOwnTokensAsTheReference() {
    for example in golden.encode {
      // Scalars, because == on strings takes canonically equivalent ones for equal.
      #expect(
        Array(tokenizer.decode(example.ids).unicodeScalars) == Array(example.decoded.unicodeScalars), "\(example.text)")
    }
  }

  @Test func decodesArbitraryTokensAsTheReference() {
    for example in golden.decode {
      #expect(Array(tokenizer.decode(example.ids).utf8) == Array(example.decoded.utf8), "\(example.ids)")
    }
  }

  @Test func specialPiecesHaveTheReferenceIds() {
    for (piece, id) in golden.specials where piece.hasPrefix("▁") {
      let text = piece.dropFirst().replacingOccurrences(of: "▁", with: " ")
      #expect(tokenizer.encode(text) == [id], "\(text)")
    }
  }

  @Test func controlPiecesInTextAreOrdinaryText() {
    let ids = tokenizer.encode("<s> </s> <unk>")
    #expect(!ids.contains(Tokenizer.bos) && !ids.contains(Tokenizer.eos) && !ids.contains(Tokenizer.unknown))
  }

  @Test func negativeAndHugeIdsReadAsUnknown() {
    #expect(tokenizer.decode([-1]) == tokenizer.decode([Tokenizer.unknown]))
    #expect(tokenizer.decode([.min, .max]) == " \u{2047}  \u{2047} ")
  }

  @Test func nulInTextSurvives() {
    #expect(tokenizer.decode(tokenizer.encode("a\0b")) == "a\0b")
  }

  @Test func everyLocationTokenRoundTrips() {
    #expect(tokenizer.locationTokens.count == 1000)
    for bin in 0..<1000 {
      let token = tokenizer.locationToken(bin: bin)
      #expect(tokenizer.locationBin(of: token) == bin)
      #expect(tokenizer.decode([token]) == LocationText.text(bin: bin))
    }
  }

  @Test func neighboursOfTheLocationsAreNotLocations() {
    #expect(tokenizer.locationBin(of: tokenizer.locationTokens.lowerBound - 1) == nil)
    #expect(tokenizer.locationBin(of: tokenizer.locationTokens.upperBound) == nil)
    #expect(tokenizer.locationBin(of: .min) == nil)
  }

  @Test func binsAreCutNotRounded() {
    #expect(LocationText.bin(of: 0.5) == 499)
    #expect(LocationText.bin(of: 1) == 999)
    #expect(LocationText.bin(of: 0.9999) == 998)
  }

  @Test(arguments: [(Float.nan, 0), (-.infinity, 0), (-0.5, 0), (1.5, 999), (.infinity, 999)])
  func valuesOutsideTheRangeBecomeTheNearestBin(value: Float, bin: Int) {
    #expect(LocationText.bin(of: value) == bin)
  }

  @Test func manyThreadsEncodeAlike() async {
    let tokenizer = tokenizer
    let texts = golden.encode.map(\.text)
    let expected = golden.encode.map(\.ids)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<20).allSatisfy { _ in texts.map(tokenizer.encode) == expected } }
      }
      for await agrees in group { #expect(agrees) }
    }
  }
}

@Suite struct TokenizerFileTests {
  private let bytes: [UInt8]

  init() throws { bytes = try Fixtures.bytes("tiny-a/tokenizer.model") }

  private func code(_ bytes: [UInt8]) -> ModelError.Code? {
    do {
      _ = try Tokenizer(serializedModel: bytes)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func missingFileIsUnreadable() {
    let error = #expect(throws: ModelError.self) { try Tokenizer(modelFile: Fixtures.url("absent.model")) }
    #expect(error?.code == .unreadableFile)
  }

  @Test func emptyFileIsRefused() { #expect(code([]) == .invalidTokenizer) }

  @Test func aFileThatEndsInsideAFieldIsRefused() {
    #expect(code(Array(bytes.dropLast(1))) == .invalidTokenizer)
    #expect(code(Array(bytes.prefix(2))) == .invalidTokenizer)
  }

  @Test func halfAFileIsRefused() {
    #expect(code(Array(bytes.prefix(bytes.count / 2))) == .invalidTokenizer)
  }

  @Test func aFileThatWasAdaptedAlreadyIsRefused() throws {
    var model = try SentencePieceModel(serialized: bytes)
    model.pieces.append(.init(text: Array("▁<extra_id_7>".utf8), kind: .userDefined))
    #expect(code(model.serialized()) == .invalidTokenizer)
  }

  @Test func aPieceThatAppearsTwiceIsRefused() throws {
    var model = try SentencePieceModel(serialized: bytes)
    model.pieces.append(model.pieces[300])
    #expect(code(model.serialized()) == .invalidTokenizer)
  }

  @Test func aByteFallbackWithoutAllBytesIsRefused() throws {
    var model = try SentencePieceModel(serialized: bytes)
    model.pieces.removeAll { $0.text == Array("<0x41>".utf8) }
    #expect(code(model.serialized()) == .invalidTokenizer)
  }

  @Test func aNormaliserTableIsRefused() {
    // normalizer_spec { precompiled_charsmap: "abcd" }, which the library would walk unchecked.
    #expect(code(bytes + [0x1a, 6, 0x12, 4, 0x61, 0x62, 0x63, 0x64]) == .invalidTokenizer)
  }

  @Test func randomBytesAreRefused() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
      let count = Int.random(in: 1...200, using: &generator)
      #expect(code((0..<count).map { _ in .random(in: 0...255, using: &generator) }) == .invalidTokenizer)
    }
  }

  @Test func damagedFilesGiveATokenizerOrAnError() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<200 {
      let damaged = generator.mutated(bytes)
      guard let tokenizer = try? Tokenizer(serializedModel: damaged) else { continue }
      let ids = tokenizer.encode("pick up the red block <extra_id_300>")
      #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.count })
      _ = tokenizer.decode(ids)
    }
  }
}
