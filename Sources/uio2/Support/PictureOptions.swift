import ArgumentParser
import Foundation
import UnifiedIO

/// What the model looks at.
struct PictureOptions: ParsableArguments {
  @Option(
    name: .customLong("image"),
    help: ArgumentHelp(
      "A JPEG or PNG file; of several the last is the picture, the earlier ones its history.", valueName: "file"),
    completion: .file())
  var images: [String] = []

  @Option(help: ArgumentHelp("A film (not built yet).", valueName: "file"), completion: .file())
  var video: String?

  @Option(help: ArgumentHelp("A sound (not built yet).", valueName: "file"), completion: .file())
  var audio: String?

  @Option(help: ArgumentHelp("A box in pixels of the picture.", valueName: "x1,y1,x2,y2"))
  var box: PixelBox?

  /// Refuses what cannot be read yet, before anything is loaded.
  func check() throws {
    if video != nil { try Medium.video.checkReadable() }
    if audio != nil { try Medium.audio.checkReadable() }
  }

  /// The picture, decoded; `nil` when there is none.
  func picture() throws -> Image? { try images.last.map(Self.read) }

  /// The pictures before it.
  func history() throws -> [Image] { try images.dropLast().map(Self.read) }

  private static func read(_ path: String) throws -> Image {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw ModelError(.unreadableFile, path, "cannot be read: \(error.localizedDescription)")
    }
    do {
      return try Image.decode(Array(data))
    } catch {
      throw ModelError(error.code, path, error.message)
    }
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

/// Where pictures are written.
enum PictureFile {
  /// Writes a PNG file, whole or not at all.
  static func write(_ image: Image, to path: String) throws {
    let file = URL(filePath: path), bytes = try image.pngData()
    do {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file, options: .atomic)
    } catch {
      throw CommandFailure(.failed, "\(path): cannot be written: \(error.localizedDescription)")
    }
  }
}
