import Files
import Foundation
import Tensors
import UnifiedIO

/// Beam search: all beams, best first, and their scores. Shared by the two parts that hold some.
enum BeamParity {
  static func run<Part: ParityPart>(
    _ part: Part.Type, _ context: ParityContext, _ golden: GoldenPart, _ examples: GoldenExamples,
    row: (ParityRow) -> Void
  ) throws(ModelError) {
    let biases = biases(Part.name, in: context.folder)
    for tensor in golden.names where tensor.hasPrefix("beam") && tensor.hasSuffix(".sequences") {
      let prefix = String(tensor.dropLast(".sequences".count))
      let example = String(prefix.drop { $0 != "." }.dropFirst())
      let shape = golden.shape(tensor)
      guard shape.count == 2, shape[0] > 0 else { continue }
      // Longer searches than the stored width would only have been cut; equal ones end by themselves.
      let limit = Part.name == EarlyStopParity.name ? 32 : shape[1] - 1
      let options = BeamSearchOptions(
        beams: shape[0], maximumTokens: limit, logitBias: biases[prefix].map { [Tokenizer.eos: $0] } ?? [:])
      let found = try context.model.beamSearch(
        from: try context.model.encode(try examples.input(example)), options: options)
      let width = shape[1]
      let ours = found.flatMap { hypothesis -> [Int] in
        let tokens = [0] + hypothesis.tokens.map { Int($0) }
        return Array((tokens + [Int](repeating: Int(Tokenizer.eos), count: max(0, width - tokens.count))).prefix(width))
      }
      row(Part.identical(tensor, ours, try golden.integers(tensor)))
      var comparison = Comparison()
      comparison.add(found.map(\.score), try golden.floats("\(prefix).scores").values)
      row(
        ParityRow(
          part: Part.name, tensor: "\(prefix).scores", relativeError: comparison.relativeError,
          tolerance: Part.tolerance))
    }
  }

  /// The EOS bias of each search, from the part's description.
  private static func biases(_ part: String, in folder: URL) -> [String: Float] {
    struct Entry: Decodable {
      let bias: Float?
      init(from decoder: any Decoder) {
        struct Keyed: Decodable { let bias: Float? }
        bias = (try? Keyed(from: decoder))?.bias
      }
    }
    struct Description: Decodable { let info: [String: Entry] }
    let data = try? Data(InputFile.bytes(of: folder.appending(path: "\(part).json").path))
    let description = data.flatMap { try? JSONDecoder().decode(Description.self, from: $0) }
    return description?.info.compactMapValues(\.bias) ?? [:]
  }
}
