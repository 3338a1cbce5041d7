import Files
import Foundation
import Tensors
import UnifiedIO

/// Prompts, pictures, history frames, boxes and sounds: integers identical, floats within 1e-5 of the unit range.
enum PreprocessingParity: ParityPart {
  static let name = "preproc"
  /// In units of a picture's range 0...1, before normalisation, and of a normalised spectrogram's.
  static let tolerance = 1e-5

  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let golden = try GoldenPart(name, in: context.folder)
    let own = try OwnPreprocessing(context)
    for (example, entry) in own.calls.examples.sorted(by: { $0.key < $1.key }) {
      let call = entry.call
      row(try ids(golden, "\(example)/inputs/text/tokens", try own.text(call).map { Int($0) }))
      if let image = try own.image(call) {
        try compare(golden, "\(example)/inputs/image", [image], row: row)
        if golden.has("\(example)/meta/image_info") { row(try information(golden, own, example, call)) }
      }
      let history = try own.history(call)
      if !history.isEmpty { try compare(golden, "\(example)/inputs/image_history", history, row: row) }
      if let target = call.text_targets {
        let tokens = own.preprocessor.textTarget(target)
        row(try ids(golden, "\(example)/targets/text/targets", tokens.tokens.map { Int($0) }))
        row(try ids(golden, "\(example)/targets/text/inputs", tokens.decoderInput.map { Int($0) }))
      }
      try compareSounds(golden, own, example, call, row: row)
      if call.image_targets != nil { try compareTarget(golden, own, example, row: row) }
    }
    try compareSoundStages(golden, own, row: row)
  }

  private static func compareTarget(
    _ golden: GoldenPart, _ own: OwnPreprocessing, _ example: String, row: (ParityRow) -> Void
  ) throws(ModelError) {
    let prefix = "\(example)/targets/image"
    let target = try own.imageTarget(example), mask = target.mask.map { $0 ? 1 : 0 }
    row(try ids(golden, "\(prefix)/mask", mask))
    row(try ids(golden, "\(prefix)/loss_mask", mask))
    // No task masks anything unless the caller says so.
    row(try ids(golden, "\(prefix)/task_mask", mask.map { _ in 0 }))
    let tensor = "\(prefix)/image", length = target.size.width * 3, stride = golden.stride(tensor)
    var largest = 0.0
    for (index, theirs) in try golden.floats(tensor).values.enumerated() {
      let place = index / length * stride * length + index % length
      // Twice the unit range.
      largest = place < target.pixels.count ? max(largest, Double(abs(target.pixels[place] - theirs) / 2)) : .nan
    }
    row(ParityRow(part: name, tensor: tensor, relativeError: largest, tolerance: tolerance))
  }

  private static func ids(_ golden: GoldenPart, _ tensor: String, _ ours: [Int]) throws(ModelError) -> ParityRow {
    identical(tensor, ours, try golden.integers(tensor))
  }

  private static func information(
    _ golden: GoldenPart, _ own: OwnPreprocessing, _ example: String, _ call: GoldenCalls.Call
  ) throws(ModelError) -> ParityRow {
    let tensor = "\(example)/meta/image_info"
    let image = try own.picture(call.image_inputs ?? "")
    let placement = try own.preprocessor.imagePlacement(width: image.width, height: image.height)
    var comparison = Comparison()
    comparison.add(placement.information, try golden.floats(tensor).values)
    return ParityRow(part: name, tensor: tensor, relativeError: comparison.relativeError, tolerance: 1e-6)
  }

  /// - Parameter deviations: of a patch's values by turns, to express a normalised difference in the unit range.
  static func compare(
    _ golden: GoldenPart, _ prefix: String, _ frames: [PatchInput], deviations: [Float] = PixelStatistics.deviation,
    row: (ParityRow) -> Void
  ) throws(ModelError) {
    let patches = frames.reduce(0) { $0 + $1.count }
    let mask = frames.flatMap(\.mask).map { $0 ? 1 : 0 }, positions = frames.flatMap(\.positions)
    // The reference pads the masks to the configured number of frames.
    row(identical("\(prefix)/mask", mask, Array(try golden.integers("\(prefix)/mask").prefix(patches))))
    row(identical("\(prefix)/pos_ids", positions, Array(try golden.integers("\(prefix)/pos_ids").prefix(patches))))

    let ours = frames.flatMap(\.patches), length = patches == 0 ? 0 : ours.count / patches
    row(try largestDifference(golden, "\(prefix)/input", ours, length: length, deviations: deviations))
  }

  /// The largest difference between `ours` and the golden rows, of which only every so-many-th may have been kept.
  ///
  /// - Parameter length: values of a row.
  static func largestDifference(
    _ golden: GoldenPart, _ tensor: String, _ ours: [Float], length: Int, deviations: [Float] = [1]
  ) throws(ModelError) -> ParityRow {
    let stride = golden.stride(tensor), values = try golden.floats(tensor).values
    var largest = 0.0, differing = 0
    for (index, theirs) in values.enumerated() {
      let place = index / length * stride * length + index % length
      guard place < ours.count else {
        largest = .nan
        break
      }
      let difference = Double(abs(ours[place] - theirs) * deviations[index % deviations.count])
      if difference > 0 { differing += 1 }
      // Written so that NaN stays.
      largest = difference <= largest ? largest : difference
    }
    return ParityRow(
      part: name, tensor: tensor, relativeError: largest, tolerance: tolerance,
      note: differing == 0 ? "" : "\(differing) of \(values.count) values differ")
  }
}

/// CLIP's channel deviations, to express a normalised difference in the picture's own range.
enum PixelStatistics {
  static let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]
}

/// Strings → ids → strings.
enum TokenizerParity: ParityPart {
  static let name = "tokenizer_golden"

  private struct Golden: Decodable {
    struct Encoding: Decodable {
      let text: String
      let ids: [Int32]
      let decoded: String
    }
    struct Decoding: Decodable {
      let ids: [Int32]
      let decoded: String
    }
    let n_pieces: Int
    let encode: [Encoding]
    let decode: [Decoding]
  }

  static func exists(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appending(path: "\(name).json").path)
  }

  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let url = context.folder.appending(path: "\(name).json")
    let golden: Golden
    do {
      golden = try JSONDecoder().decode(Golden.self, from: Data(InputFile.bytes(of: url.path)))
    } catch {
      throw ModelError(.unreadableFile, url.path, "does not hold encoded texts: \(error)")
    }
    let tokenizer = try Tokenizer(modelFile: context.folder.appending(path: "tokenizer.model"))
    row(identical("pieces", [tokenizer.count], [golden.n_pieces]))
    let wrongIDs = golden.encode.filter { tokenizer.encode($0.text) != $0.ids }
    row(share("encode", wrongIDs.count, of: golden.encode.count, first: wrongIDs.first?.text))
    // Compared by scalars: == on strings takes canonically equivalent ones for equal.
    func differs(_ ids: [Int32], _ text: String) -> Bool {
      Array(tokenizer.decode(ids).unicodeScalars) != Array(text.unicodeScalars)
    }
    let wrongTexts = golden.encode.filter { differs($0.ids, $0.decoded) }
    row(share("encode.decoded", wrongTexts.count, of: golden.encode.count, first: wrongTexts.first?.text))
    let wrongDecodings = golden.decode.filter { differs($0.ids, $0.decoded) }
    row(share("decode", wrongDecodings.count, of: golden.decode.count, first: wrongDecodings.first?.decoded))
  }

  private static func share(_ tensor: String, _ wrong: Int, of count: Int, first: String?) -> ParityRow {
    ParityRow(
      part: name, tensor: tensor, relativeError: Double(wrong) / Double(max(count, 1)), tolerance: 0,
      note: first.map { "first: \($0)" } ?? "\(count) texts")
  }
}
