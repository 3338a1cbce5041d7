import Foundation

/// A whole `config.json`: what the model reads of it, the codecs' sizes, and the keys that nobody here needs but others do.
public struct ConfigurationDocument: Sendable {
  /// The file's text.
  public let json: Data
  public let configuration: Configuration
  public let codecs: CodecSizes

  /// Reads and checks a file.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` or `.invalidConfiguration` with the key at fault.
  public init(contentsOf url: URL) throws(ModelError) {
    try self.init(json: try ConfigurationFile.data(at: url), subject: url.path)
  }

  /// Reads and checks text; errors name `subject`.
  public init(json: Data, subject: String) throws(ModelError) {
    self.json = json
    configuration = try Configuration(json: json, subject: subject)
    do {
      codecs = try JSONDecoder().decode(CodecSizes.self, from: json)
    } catch {
      throw ModelError(.invalidConfiguration, subject, "image_vqgan or audio_vqgan is incomplete: \(error)")
    }
    try codecs.validate()
  }

  /// The tensors of this configuration, codecs included where they are described.
  public func inventory(withCodecs: Bool = true) throws(ModelError) -> TensorInventory {
    try TensorInventory(configuration, codecs: withCodecs ? codecs : CodecSizes())
  }

  /// The same model with fewer modalities.
  ///
  /// - Parameters:
  ///   - inputs: what it shall read, text always included; `nil`: as before.
  ///   - targets: what it shall write; `nil`: as before.
  /// - Throws: ``ModelError`` `.unsupportedModality` for one that the configuration does not have.
  public func restricted(
    inputs: [Configuration.InputModality]?, targets: [TargetModality]?
  ) throws(ModelError) -> ConfigurationDocument {
    guard inputs != nil || targets != nil else { return self }
    for modality in inputs ?? [] where !configuration.inputModalities.contains(modality) {
      throw ModelError(.unsupportedModality, modality.rawValue, "the checkpoint does not read \(modality.rawValue)")
    }
    for modality in targets ?? [] where !configuration.targetModalities.contains(modality) {
      throw ModelError(.unsupportedModality, modality.rawValue, "the checkpoint does not write \(modality.rawValue)")
    }
    let changed: Data
    do {
      guard var values = try JSONSerialization.jsonObject(with: json) as? [String: Any] else {
        throw ModelError(.invalidConfiguration, "config.json", "is not a JSON object")
      }
      if let inputs {
        values["input_modalities"] =
          configuration.inputModalities.filter { $0 == .text || inputs.contains($0) }.map(\.rawValue)
      }
      if let targets {
        values["target_modalities"] = configuration.targetModalities.filter(targets.contains).map(\.rawValue)
      }
      changed = try JSONSerialization.data(withJSONObject: values, options: [.prettyPrinted, .sortedKeys])
    } catch let error as ModelError {
      throw error
    } catch {
      throw ModelError(.invalidConfiguration, "config.json", "has no form in JSON: \(error)")
    }
    return try ConfigurationDocument(json: changed, subject: "config.json")
  }
}
