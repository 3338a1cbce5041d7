import Files
import Foundation
import Tensors
import UnifiedIO

/// Every intermediate of encoder and decoder, for one example and for a padded batch.
///
/// The reference computes padding and masks it; we drop it, so padded rows have no counterpart and are left out.
enum InternalsParity {
  enum Single: ParityPart {
    static let name = "internals_b1"
    static func run(
      _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
    ) throws(ModelError) {
      try compare(Self.self, context, row: row, skip: skip)
    }
  }

  enum Padded: ParityPart {
    static let name = "internals_b2_padded"
    static func run(
      _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
    ) throws(ModelError) {
      try compare(Self.self, context, row: row, skip: skip)
    }
  }

  private struct Information: Decodable {
    struct Info: Decodable {
      let examples: [String]
      let sequence_parts: [SequencePart]
    }
    struct SequencePart: Decodable {
      let name: String
      let count: Int
      init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        name = try values.decode(String.self)
        count = try values.decode(Int.self)
      }
    }
    let info: Info
  }

  private static func compare<Part: ParityPart>(
    _ part: Part.Type, _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let golden = try GoldenPart(Part.name, in: context.folder)
    let examples = try context.examples()
    let url = context.folder.appending(path: "\(Part.name).json")
    let info: Information.Info
    do {
      info = try JSONDecoder().decode(Information.self, from: Data(InputFile.bytes(of: url.path))).info
    } catch {
      throw ModelError(.unreadableFile, url.path, "has no info of examples: \(error)")
    }
    var traces: [ExampleTrace] = []
    for name in info.examples {
      traces.append(
        try ExampleTrace(
          context.model, examples, name, sequence: info.sequence_parts.map { ($0.name, $0.count) }))
    }
    var sums = 0
    for tensor in golden.names {
      if tensor.hasSuffix(".sum_abssum") {
        sums += 1
        continue
      }
      if let result = try losses(tensor, golden, traces, Part.self) {
        result.forEach(row)
      } else if let result = try masks(tensor, golden, traces, Part.self) {
        row(result)
      } else if tensor.hasSuffix(".position_embed"), traces.first?.pieces(tensor).isEmpty ?? true {
        skip(tensor, "holds the angles of the batch's first example, which lacks this modality")
      } else {
        row(try intermediate(tensor, golden, traces, Part.self))
      }
    }
    if sums > 0 {
      skip("\(sums) tensors *.sum_abssum", "are sums over padded rows too, which are dropped here, not masked")
    }
  }

  private static func intermediate<Part: ParityPart>(
    _ tensor: String, _ golden: GoldenPart, _ traces: [ExampleTrace], _ part: Part.Type
  ) throws(ModelError) -> ParityRow {
    let values = try golden.floats(tensor), shape = golden.shape(tensor), stride = golden.stride(tensor)
    let all = values.values
    var comparison = Comparison()
    // Angles are given for the first example alone.
    let isShared = tensor.hasSuffix(".position_embed")
    for (batch, trace) in traces.prefix(isShared ? 1 : traces.count).enumerated() {
      let pieces = trace.pieces(tensor)
      let slices = isShared ? 1 : shape[0] / traces.count
      let length = all.count / shape[0]
      for piece in pieces {
        let index = isShared ? 0 : batch * slices + piece.frame
        comparison.add(
          piece.tensor, kept: piece.kept, golden: all[index * length..<(index + 1) * length], stride: stride)
      }
    }
    return ParityRow(
      part: Part.name, tensor: tensor, relativeError: comparison.relativeError, tolerance: Part.tolerance,
      note: comparison.note)
  }

  private static func masks<Part: ParityPart>(
    _ tensor: String, _ golden: GoldenPart, _ traces: [ExampleTrace], _ part: Part.Type
  ) throws(ModelError) -> ParityRow? {
    guard tensor.hasSuffix(".mask") || tensor == "text.targets" else { return nil }
    let values = try golden.integers(tensor), length = golden.shape(tensor).dropFirst().reduce(1, *)
    let ours = traces.flatMap { trace -> [Int] in
      switch tensor {
      case "text.targets": return padded(trace.targets.map { Int($0) }, to: length)
      case "text.mask": return padded(trace.targets.map { _ in 1 }, to: length)
      default:
        let kept = Set(trace.kept(String(tensor.dropFirst("input_".count).dropLast(".mask".count))))
        return (0..<length).map { kept.contains($0) ? 1 : 0 }
      }
    }
    return Part.identical(tensor, ours, values)
  }

  private static func losses<Part: ParityPart>(
    _ tensor: String, _ golden: GoldenPart, _ traces: [ExampleTrace], _ part: Part.Type
  ) throws(ModelError) -> [ParityRow]? {
    guard tensor.hasPrefix("text."), tensor.contains("loss") else { return nil }
    let values = try golden.floats(tensor).values
    let length = golden.shape(tensor).dropFirst().reduce(1, *)
    let ours: [Float]
    switch tensor {
    case "text.token_loss":
      // The reference computes padded targets too; their places are left out below.
      ours = traces.flatMap { padded($0.losses, to: length) }
    case "text.loss_sum": ours = traces.map { $0.losses.reduce(0, +) }
    case "text.loss_mean":
      let all = traces.flatMap(\.losses)
      ours = [all.reduce(0, +) / Float(all.count)]
    default: return nil
    }
    var comparison = Comparison()
    if tensor == "text.token_loss" {
      for (batch, trace) in traces.enumerated() {
        comparison.add(trace.losses, values[batch * length..<batch * length + trace.losses.count])
      }
    } else {
      comparison.add(ours, values)
    }
    return [
      ParityRow(
        part: Part.name, tensor: tensor, relativeError: comparison.relativeError, tolerance: Part.tolerance)
    ]
  }

  private static func padded<Value: Numeric>(_ values: [Value], to length: Int) -> [Value] {
    values + [Value](repeating: 0, count: max(0, length - values.count))
  }
}
