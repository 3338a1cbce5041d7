import Files
import Foundation
import UnifiedIO

/// What the reference's preprocessor was asked, from `preproc.json`.
struct GoldenCalls: Decodable {
  struct Example: Decodable { let call: Call }

  struct Call: Decodable {
    let text_inputs: String
    let image_inputs: String?
    let image_history: [String]?
    let box_inputs: [Float]?
    let text_targets: String?
    let image_targets: String?
    let audio_inputs: String?
    let audio_targets: String?

    /// What the prompt asks for, by the target that is given.
    var target: TargetModality {
      if image_targets != nil { return .image }
      return audio_targets != nil ? .audio : .text
    }
  }

  /// Beside the examples stand entries of other shapes, which are not calls.
  private struct Entry: Decodable {
    let example: Example?
    init(from decoder: any Decoder) { example = try? Example(from: decoder) }
  }
  private struct Info: Decodable { let examples: [String: Entry] }
  private let info: Info

  var examples: [String: Example] { info.examples.compactMapValues(\.example) }

  static func load(from folder: URL) throws(ModelError) -> GoldenCalls {
    let url = folder.appending(path: "preproc.json")
    do {
      return try JSONDecoder().decode(GoldenCalls.self, from: Data(InputFile.bytes(of: url.path)))
    } catch {
      throw ModelError(.unreadableFile, url.path, "does not say what was preprocessed: \(error)")
    }
  }
}

/// Our own preprocessing of the golden media.
struct OwnPreprocessing {
  let folder: URL
  let calls: GoldenCalls
  let preprocessor: Preprocessor

  init(_ context: ParityContext) throws(ModelError) {
    folder = context.folder
    calls = try GoldenCalls.load(from: folder)
    preprocessor = Preprocessor(
      configuration: context.model.configuration,
      tokenizer: try Tokenizer(modelFile: folder.appending(path: "tokenizer.model")))
  }

  func picture(_ path: String) throws(ModelError) -> Image {
    do {
      return try Image.decode(InputFile.bytes(of: folder.appending(path: path).path))
    } catch let error as ModelError {
      throw error
    } catch {
      throw ModelError(.unreadableFile, path, "\(error)")
    }
  }

  func image(_ call: GoldenCalls.Call) throws(ModelError) -> PatchInput? {
    guard let path = call.image_inputs else { return nil }
    return try preprocessor.imageInput(try picture(path))
  }

  func history(_ call: GoldenCalls.Call) throws(ModelError) -> [PatchInput] {
    var frames: [Image] = []
    for path in call.image_history ?? [] { frames.append(try picture(path)) }
    return try preprocessor.historyInputs(frames)
  }

  /// The target picture of an example. One of them is described as a mirrored file.
  func imageTarget(_ example: String) throws(ModelError) -> ImageTarget {
    guard let call = calls.examples[example]?.call, let description = call.image_targets,
      let path = description.split(separator: " ").first(where: { $0.hasPrefix("media/") })
    else {
      throw ModelError(.invalidInput, example, "has no target picture in preproc.json")
    }
    var target = try picture(String(path))
    if description.hasPrefix("horizontally flipped") {
      let width = target.width, pixels = target.pixels
      let mirrored = pixels.indices.map { index in
        let row = index / (width * 3), column = index / 3 % width
        return pixels[(row * width + width - 1 - column) * 3 + index % 3]
      }
      target = try Image(width: width, height: target.height, pixels: mirrored)
    }
    guard let input = call.image_inputs else { return try preprocessor.imageTarget(target) }
    let given = try picture(input)
    return try preprocessor.imageTarget(
      target, placedLike: preprocessor.imagePlacement(width: given.width, height: given.height))
  }

  /// A sound of the golden media; `nil` where the call describes an array instead of naming a file.
  func sound(_ path: String?) throws(ModelError) -> Sound? {
    guard let name = path?.firstMatch(of: /media\/\w+\.wav/)?.output else { return nil }
    return try Sound.decode(contentsOf: folder.appending(path: String(name)))
  }

  func audio(_ call: GoldenCalls.Call) throws(ModelError) -> (audio: PatchInput, history: [PatchInput])? {
    guard let sound = try sound(call.audio_inputs) else { return nil }
    return try preprocessor.audioInput(sound)
  }

  func text(_ call: GoldenCalls.Call) throws(ModelError) -> [Int32] {
    guard let box = call.box_inputs, box.count == 4, let path = call.image_inputs else {
      return preprocessor.textInput(call.text_inputs, target: call.target)
    }
    let image = try picture(path)
    return try preprocessor.textInput(
      call.text_inputs, target: call.target, box: PixelBox(minX: box[0], minY: box[1], maxX: box[2], maxY: box[3]),
      in: preprocessor.imagePlacement(width: image.width, height: image.height))
  }
}
