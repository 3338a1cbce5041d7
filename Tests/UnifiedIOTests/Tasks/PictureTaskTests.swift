import Foundation
import Testing
import UnifiedIO

/// Tasks that answer with pictures and sounds, and those that look at films and listen, on random weights: sizes, units and what the
/// answers depend on.
@Suite struct PictureTaskTests {
  private let runner: TaskRunner
  /// 300 x 100 pixels.
  private let image: Image

  init() throws {
    runner = try TinyTasks.runner()
    image = try Image.decode(Fixtures.bytes("tiny-a/media/img_100x300.png"))
  }

  @Test func depthAndNormalsHaveTheSizeOfThePicture() throws {
    let depth = try runner.depth(of: image)
    #expect(depth.width == 300 && depth.height == 100 && depth.distances.count == 30_000)
    #expect(depth.range.lowerBound >= 0 && depth.range.upperBound <= 10)
    let normals = try runner.surfaceNormals(of: image)
    #expect(normals.width == 300 && normals.height == 100)
    #expect(normals.vectors.allSatisfy { abs(($0 * $0).sum() - 1) < 1e-4 || $0 == .zero })
    let other = try runner.depth(of: image, settings: MediaSettings(temperature: 0.9, seed: 1))
    #expect(other != depth, "tokens are drawn")
    #expect(try runner.depth(of: image) == depth, "by the seed")
  }

  @Test func aMaskComesFromABoxOrFromWords() throws {
    let box = PixelBox(minX: 10, minY: 20, maxX: 200, maxY: 90)
    let labelled = try runner.mask(in: box, of: image, label: "block")
    #expect(labelled.width == 300 && labelled.height == 100)
    #expect(try runner.mask(in: box, of: image) != labelled)
    #expect(try runner.mask(of: "the block", in: image) != labelled)
    let outside = PixelBox(minX: 400, minY: 20, maxX: 500, maxY: 90)
    #expect(throws: ModelError.self) { try runner.mask(in: outside, of: image, label: "block") }
  }

  @Test func masksOfACategoryLieInItsRegions() throws {
    var settings = MediaSettings.mask
    settings.temperature = 0
    let objects = try runner.masks(of: "block", in: image, overlap: 0.01, settings: settings)
    let regions = try runner.regions(of: "block", in: image, overlap: 0.01).objects.map(\.box.ordered)
    #expect(objects.count <= regions.count)
    for object in objects {
      let box = try #require(object.box)
      #expect(regions.contains(box) && object.label == "block" && object.mask.area > 0)
      #expect(try runner.mask(in: box, of: image, label: "block", settings: settings) == object.mask)
    }
  }

  @Test func aPictureFromWordsIsASquareAndAnEditIsNot() throws {
    let picture = try runner.picture(of: "a fox")
    #expect(picture.width == 256 && picture.height == 256)
    #expect(
      try runner.picture(of: "a fox", settings: MediaSettings(guidance: 0)) != picture, "guided unless told not to")
    let edit = try runner.edit(image, by: "make it blue")
    #expect(edit.width == 300 && edit.height == 100)
  }

  /// On a canvas without scaling, with a box along the edges of patches.
  @Test func whatIsInpaintedIsNotSeenAndNothingElseChanges() throws {
    let square = try Image.decode(Fixtures.bytes("tiny-a/media/img_384x384.png"))
    let box = PixelBox(minX: 64, minY: 96, maxX: 256, maxY: 320)
    func isInside(_ place: Int) -> Bool {
      (96..<320).contains(place / 384) && (64..<256).contains(place % 384)
    }
    var blanked = square.pixels
    for place in 0..<(384 * 384) where isInside(place) {
      blanked.replaceSubrange(place * 3..<place * 3 + 3, with: [9, 200, 30])
    }
    let blank = try Image(width: 384, height: 384, pixels: blanked)
    let result = try runner.inpaint(box, of: square, label: "A Block")
    #expect(try runner.inpaint(box, of: blank, label: "a block") == result)
    var changed = 0
    for place in 0..<(384 * 384) where square.pixels[place * 3] != result.pixels[place * 3] {
      #expect(isInside(place))
      changed += 1
    }
    #expect(changed > 1000)
    let whole = PixelBox(minX: 0, minY: 0, maxX: 384, maxY: 384)
    #expect(try runner.inpaint(whole, of: square).width == 384, "a picture of which nothing is seen")
    #expect(throws: ModelError.self) {
      try runner.inpaint(PixelBox(minX: 5, minY: 5, maxX: 5, maxY: 9), of: square)
    }
  }

  /// Scaled to the canvas they would have no pixel left.
  @Test(arguments: ["thin.png", "wide.png"]) func linesAreErrorsInEveryTask(name: String) throws {
    let line = try Image.decode(Fixtures.bytes("codecs/\(name)"))
    let box = PixelBox(minX: 0, minY: 0, maxX: Float(line.width), maxY: Float(line.height))
    let tasks: [(TaskRunner) throws -> Void] = [
      { _ = try $0.caption(line) }, { _ = try $0.region(of: "x", in: line) }, { _ = try $0.depth(of: line) },
      { _ = try $0.mask(in: box, of: line) }, { _ = try $0.edit(line, by: "x") }, { _ = try $0.inpaint(box, of: line) },
      { _ = try $0.caption(try Video(frames: [line, line], duration: 1)) },
    ]
    for task in tasks {
      #expect {
        try task(runner)
      } throws: {
        ($0 as? ModelError)?.code == .invalidImage
      }
    }
  }

  @Test func filmsAreDescribedWithoutTheirSound() throws {
    let sound = try Sound(samples: (0..<16_000).map { Float(sin(Double($0) / 9)) }, sampleRate: 16_000)
    let silent = try Video(frames: [image, image], duration: 1)
    let film = try Video(frames: [image, image], duration: 1, sound: sound)
    let caption = try runner.caption(film)
    #expect(try runner.caption(silent) == caption)
    #expect(caption.generation.tokens.count <= 64)
    let activity = try runner.activity(in: film)
    #expect(try runner.activity(in: silent) == activity)
    #expect(activity.generation.tokens.count <= 16)
  }

  @Test func soundsAreDescribedAndMade() throws {
    let low = try Sound(samples: (0..<32_000).map { Float(sin(Double($0) / 20)) }, sampleRate: 16_000)
    let high = try Sound(samples: (0..<32_000).map { Float(sin(Double($0) / 2)) }, sampleRate: 16_000)
    let caption = try runner.caption(low)
    #expect(try runner.caption(high).generation != caption.generation)
    #expect(caption.generation.tokens.count <= 64)
    let made = try runner.sound(of: "rain")
    #expect(made.sampleRate == 16_000 && made.samples.count == LogMelSpectrogram.sampleCount)
  }

  @Test func wordingsThatAreNotThereAreErrors() {
    let settings = MediaSettings(wording: 99)
    #expect(throws: ModelError.self) { try runner.depth(of: image, settings: settings) }
    #expect(throws: ModelError.self) { try runner.picture(of: "x", settings: settings) }
    #expect(throws: ModelError.self) { try runner.sound(of: "x", settings: settings) }
  }

  @Test func everyTaskHasTheReleasesSettings() {
    #expect(TaskKind.depth.mediaSettings.temperature == 0.9 && TaskKind.depth.mediaSettings.topP == 0.9)
    #expect(TaskKind.segmentation.mediaSettings.temperature == 0.9 && TaskKind.segmentation.mediaSettings.topP == 0.95)
    #expect(
      TaskKind.imageGeneration.mediaSettings.temperature == 1 && TaskKind.imageGeneration.mediaSettings.topP == 0.9)
  }
}
