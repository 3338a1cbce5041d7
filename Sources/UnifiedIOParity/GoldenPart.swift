import Files
import Foundation
import Tensors
import UnifiedIO

/// `<part>.safetensors` with its `<part>.json`: golden tensors and what the file says of them.
struct GoldenPart {
  let name: String
  let file: SafetensorsFile
  private let description: Description

  private struct Description: Decodable {
    struct Tensor: Decodable { let meaning: String }
    let tensors: [String: Tensor]
  }

  init(_ name: String, in folder: URL) throws(ModelError) {
    self.name = name
    do {
      file = try SafetensorsFile(path: folder.appending(path: "\(name).safetensors").path)
    } catch {
      throw ModelError(error)
    }
    let url = folder.appending(path: "\(name).json")
    do {
      description = try JSONDecoder().decode(Description.self, from: Data(InputFile.bytes(of: url.path)))
    } catch {
      throw ModelError(.unreadableFile, url.path, "does not describe golden tensors: \(error)")
    }
  }

  static func exists(_ name: String, in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appending(path: "\(name).safetensors").path)
  }

  var names: [String] { file.entries.keys.sorted() }

  func has(_ tensor: String) -> Bool { file.entries[tensor] != nil }

  func floats(_ tensor: String) throws(ModelError) -> Tensor {
    do { return try file.tensor(tensor) } catch { throw ModelError(error) }
  }

  func integers(_ tensor: String) throws(ModelError) -> [Int] {
    do { return try file.integers(tensor) } catch { throw ModelError(error) }
  }

  func shape(_ tensor: String) -> [Int] { file.entries[tensor]?.shape ?? [] }

  /// Every how-many-th row was kept: the file says `[STRIDED: indices 0,4,8.. of axis 1, full length 759]`.
  func stride(_ tensor: String) -> Int {
    guard let meaning = description.tensors[tensor]?.meaning, let mark = meaning.range(of: "[STRIDED: indices 0,")
    else { return 1 }
    return Int(meaning[mark.upperBound...].prefix { $0.isNumber }) ?? 1
  }
}

/// The reference's preprocessed examples as inputs of the model.
struct GoldenExamples {
  private let file: SafetensorsFile
  private let names: Set<String>
  /// For pictures and sounds of which the goldens keep only some patches.
  private let own: OwnPreprocessing

  init(_ context: ParityContext) throws(ModelError) {
    let folder = context.folder
    own = try OwnPreprocessing(context)
    do {
      file = try SafetensorsFile(path: folder.appending(path: "preproc.safetensors").path)
    } catch {
      throw ModelError(error)
    }
    names = Set(file.entries.keys)
  }

  func integers(_ example: String, _ key: String) throws(ModelError) -> [Int] {
    do { return try file.integers("\(example)/\(key)") } catch { throw ModelError(error) }
  }

  func has(_ example: String, _ key: String) -> Bool { names.contains("\(example)/\(key)") }

  /// The encoder's input of an example.
  func input(_ example: String) throws(ModelError) -> ModelInput {
    let call = own.calls.examples[example]?.call
    var image = try patches(example, "image").first
    if image == nil, let call { image = try own.image(call) }
    var history = try patches(example, "image_history")
    if history.isEmpty, let call { history = try own.history(call) }
    var sound = (audio: try patches(example, "audio").first, history: try patches(example, "audio_history"))
    if sound.audio == nil, let call, let own = try own.audio(call) { sound = own }
    return ModelInput(
      text: try integers(example, "inputs/text/tokens").map { Int32($0) }, image: image, imageHistory: history,
      audio: sound.audio, audioHistory: sound.history)
  }

  /// The normalised target spectrogram of an example, `[bands, steps]`; the file has time first.
  func audioTarget(_ example: String) throws(ModelError) -> Tensor {
    let key = "\(example)/targets/audio/audio"
    guard let entry = file.entries[key], entry.shape.count == 3 else {
      throw ModelError(.missingTensor, key, "is not in preproc.safetensors")
    }
    do { return try file.tensor(key).reshaped(Array(entry.shape.prefix(2))).transposed() } catch {
      throw ModelError(error)
    }
  }

  /// Whether every patch of the frames is there, not only every eighth.
  private func isComplete(_ example: String, _ modality: String) throws(ModelError) -> Bool {
    let key = "\(example)/inputs/\(modality)"
    guard let input = file.entries["\(key)/input"], let mask = file.entries["\(key)/mask"] else { return false }
    return input.shape.count >= 2 && input.shape[input.shape.count - 2] == mask.shape.last
  }

  /// One entry a frame; a modality without frames has one.
  private func patches(_ example: String, _ modality: String) throws(ModelError) -> [PatchInput] {
    let key = "inputs/\(modality)"
    guard try isComplete(example, modality) else { return [] }
    let values: Tensor
    do { values = try file.tensor("\(example)/\(key)/input") } catch { throw ModelError(error) }
    let mask = try integers(example, "\(key)/mask"), positions = try integers(example, "\(key)/pos_ids")
    // Padding frames are in the masks only.
    let frames = values.shape.count == 3 ? values.shape[0] : 1
    let count = values.shape[values.shape.count - 2], all = values.values, length = all.count / frames
    guard mask.count >= frames * count, positions.count >= frames * count else {
      throw ModelError(.invalidInput, "\(example)/\(key)/mask", "has fewer entries than there are patches")
    }
    return (0..<frames).map { frame in
      PatchInput(
        patches: Array(all[frame * length..<(frame + 1) * length]),
        mask: mask[frame * count..<(frame + 1) * count].map { $0 != 0 },
        positions: Array(positions[frame * count..<(frame + 1) * count]))
    }
  }
}
