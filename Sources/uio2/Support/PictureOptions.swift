import ArgumentParser
import Files
import Foundation
import UnifiedIO

/// What the model looks at and listens to.
struct PictureOptions: ParsableArguments {
  @Option(
    name: .customLong("image"),
    help: ArgumentHelp(
      "A JPEG or PNG file; of several the last is the picture, the earlier ones its history.", valueName: "file"),
    completion: .file())
  var images: [String] = []

  @Option(
    help: ArgumentHelp(
      "A film, in place of pictures and sound: its last part is the picture, the parts before its history.",
      valueName: "file"), completion: .file())
  var video: String?

  @Option(
    help: ArgumentHelp(
      "A sound; of a long one the last 4.08 seconds are what is heard, those before its history.", valueName: "file"),
    completion: .file())
  var audio: String?

  @Option(help: ArgumentHelp("A box in pixels of the picture.", valueName: "x1,y1,x2,y2"))
  var box: PixelBox?

  func validate() throws {
    if video != nil, !images.isEmpty || audio != nil {
      throw ValidationError("--video brings its own pictures and sound; leave out --image and --audio.")
    }
  }

  /// Whether there is anything to look at or to listen to.
  var hasMedia: Bool { !images.isEmpty || video != nil || audio != nil }

  /// The files of all of it.
  var inputs: [String] { images + [video, audio].compactMap(\.self) }

  /// Refuses a box that the prompt does not show, and a place in the prompt for a box that is not there.
  func check(_ prompt: String) throws { try BoxInPrompt.check(prompt, hasBox: box != nil, hasPicture: !images.isEmpty) }

  /// A prompt about all of it, read from its files.
  ///
  /// - Parameters:
  ///   - model: says how much of a film it reads.
  ///   - withSoundOfFilm: `false` leaves a film's sound unread.
  func input(_ prompt: String, for model: ModelOptions, withSoundOfFilm: Bool = true) throws -> TaskInput {
    var input = TaskInput(prompt: prompt, image: try picture(), history: try history(), box: box)
    input.sound = try audio.map { try Sound.decode(contentsOf: URL(filePath: $0)) }
    if let video {
      let configuration = try Configuration(contentsOf: URL(filePath: model.model).appending(path: "config.json"))
      input.video = try Video.decode(
        contentsOf: URL(filePath: video),
        frameCount: min(max(configuration.sequenceLength.frames, 0), 63) + 1,
        withSound: withSoundOfFilm && configuration.inputModalities.contains(.audio))
    }
    return input
  }

  /// The picture, decoded; `nil` when there is none.
  func picture() throws -> Image? { try images.last.map(Self.read) }

  /// The pictures before it.
  func history() throws -> [Image] { try images.dropLast().map(Self.read) }

  private static func read(_ path: String) throws -> Image {
    let bytes: [UInt8]
    do { bytes = try InputFile.bytes(of: path, limit: 1 << 30) } catch { throw ModelError(error) }
    do { return try Image.decode(bytes) } catch { throw ModelError(error.code, path, error.message) }
  }
}

extension PixelBox: ExpressibleByArgument {
  /// From `x1,y1,x2,y2`.
  public init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).compactMap { Float($0) }
    guard numbers.count == 4, argument.count(where: { $0 == "," }) == 3, numbers.allSatisfy(\.isFinite) else {
      return nil
    }
    self.init(minX: numbers[0], minY: numbers[1], maxX: numbers[2], maxY: numbers[3])
  }
}

/// `{box}` in a prompt and `--box` go together.
enum BoxInPrompt {
  static func check(_ prompt: String, hasBox: Bool, hasPicture: Bool) throws {
    if hasBox, !hasPicture { throw ValidationError("--box needs an --image.") }
    guard prompt.contains("{box}") != hasBox else { return }
    throw ValidationError(
      hasBox ? "--box has no place in the prompt; write {box} where it belongs." : "{box} in the prompt needs a --box.")
  }
}
