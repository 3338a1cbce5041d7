import Foundation
import Reporting

extension ModelInspection {
  /// For people.
  var text: String {
    var facts = [
      ("model", folder),
      ("reads", input_modalities.joined(separator: ", ")),
      ("writes", target_modalities.joined(separator: ", ")),
      ("vocabulary", "\(vocabulary)"),
      ("encoder", encoder.text),
      ("decoder", decoder.text),
    ]
    if let image_encoder {
      facts.append(("image encoder", image_encoder.text))
      facts.append(("image", image_pixels.map(String.init).joined(separator: " × ") + " pixels"))
    }
    if history_frames > 0 { facts.append(("image history", "\(history_frames) frames")) }
    let types = element_types.sorted { $0.key < $1.key }.map { "\($0.value) tensors of \($0.key)" }
    facts.append(("weights", types.joined(separator: ", ")))
    facts += files.sorted { $0.key < $1.key }.map { ("file", "\($0.key), \(Amount.bytes($0.value))") }
    if let first = missing.first { facts.append(("missing", "\(missing.count) tensors, among them \(first)")) }
    let (weights, caches) = (Amount.bytes(weight_memory_bytes), Amount.bytes(cache_memory_bytes))
    facts.append(("memory", "\(weights) of weights, up to \(caches) of caches"))

    var table = TextTable(
      header: ["part", "tensors", "parameters", "stored"], alignment: [.left, .right, .right, .right])
    for part in parts {
      table.append([part.name, "\(part.tensors)", Amount.count(part.parameters), Amount.bytes(part.bytes)])
    }
    table.appendRule()
    table.append([
      "all", "\(parts.reduce(0) { $0 + $1.tensors })", Amount.count(parameters),
      Amount.bytes(parts.reduce(0) { $0 &+ $1.bytes }),
    ])
    return Facts.text(facts) + "\n\n" + table.text
  }
}

extension ModelInspection.Stack {
  fileprivate var text: String {
    "\(layers) layers of \(width), \(heads) heads of \(head_dimension), MLP \(mlp)"
  }
}
