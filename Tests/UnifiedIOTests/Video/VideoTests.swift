import Foundation
import Testing
import UnifiedIO

@Suite struct VideoTests {
  let preprocessor: Preprocessor

  init() throws {
    preprocessor = Preprocessor(tokenizer: try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model")))
  }

  /// Red, green, blue, white, yellow, a second each, 64 x 32 between black bars of 8 rows; with a tone.
  private let scenes = Fixtures.url("media/scenes.mp4")

  private func color(_ image: Image) -> [Bool] {
    let middle = (image.height / 2 * image.width + image.width / 2) * 3
    return image.pixels[middle..<(middle + 3)].map { $0 > 127 }
  }

  @Test func framesComeFromTheMiddlesOfEqualParts() throws {
    let video = try Video.decode(contentsOf: scenes, frameCount: 5)
    #expect(
      video.frames.map(color) == [
        [true, false, false], [false, true, false], [false, false, true], [true, true, true], [true, true, false],
      ])
    #expect(abs(video.duration - 5) < 0.1)
    #expect(video.frames.allSatisfy { $0.width == 64 && $0.height == 48 })
  }

  @Test func theSoundComesAtTheModelsRate() throws {
    let sound = try #require(try Video.decode(contentsOf: scenes, frameCount: 1).sound)
    #expect(sound.sampleRate == 16_000 && abs(sound.duration - 5) < 0.2)
  }

  @Test func aSilentFilmHasNoSound() throws {
    #expect(try Video.decode(contentsOf: Fixtures.url("media/silent.mp4"), frameCount: 2).sound == nil)
    let input = try preprocessor.videoInput(contentsOf: Fixtures.url("media/silent.mp4"))
    #expect(input.audio == nil && input.audioHistory.isEmpty && input.imageHistory.count == 4)
  }

  @Test func soundCanBeLeftOut() throws {
    #expect(try Video.decode(contentsOf: scenes, frameCount: 1, withSound: false).sound == nil)
  }

  @Test func aFilmGivesPictureHistoryAndASegmentForEach() throws {
    let input = try preprocessor.videoInput(contentsOf: scenes)
    #expect(input.image.count == 576 && input.imageHistory.count == 4 && input.audioHistory.count == 4)
    // A second of sound between silences of 1.54 seconds: rows 6 to 9 of 16, and partly the next ones.
    let mask = try #require(input.audio?.mask)
    #expect(mask[7 * 8] && mask[8 * 8] && !mask[0] && !mask[15 * 8])
    // Without its bars the picture is about twice as wide as high.
    #expect(input.placement.source.width == 64 && (31...40).contains(input.placement.source.height))
  }

  @Test func aRecordingHasNoPictures() throws {
    let url = Fixtures.url("media/recording.m4a")
    let error = #expect(throws: ModelError.self) { try Video.decode(contentsOf: url, frameCount: 2) }
    #expect(error?.code == .invalidVideo)
    // It is a sound, though one that only ffmpeg reads.
    #expect(abs(try Sound.decode(contentsOf: url).duration - 5) < 0.2)
  }

  @Test func aFilmWithoutAFrameIsAnError() throws {
    let url = Fixtures.url("media/no-frames.avi")
    let error = #expect(throws: ModelError.self) { try Video.decode(contentsOf: url, frameCount: 2) }
    #expect(error?.code == .invalidVideo && error?.subject == url.path)
  }

  @Test func aFilmThatBeginsLikeAWAVFileIsRead() throws {
    let url = Fixtures.url("media/clip.avi")
    #expect(abs(try Sound.decode(contentsOf: url).duration - 1) < 0.1)
    #expect(try Video.decode(contentsOf: url, frameCount: 1).frames.map(color) == [[true, false, false]])
  }

  @Test func aFilmWithoutSoundIsNoRecording() throws {
    let error = #expect(throws: ModelError.self) { try Sound.decode(contentsOf: Fixtures.url("media/silent.mp4")) }
    #expect(error?.code == .invalidSound)
  }

  @Test(arguments: [0, 10, 1000, 20_000]) func aFilmThatIsCutShortIsAnError(count: Int) throws {
    // Its table of contents stands at the end.
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).mp4")
    try Data(try Fixtures.bytes("media/scenes.mp4").prefix(count)).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let error = #expect(throws: ModelError.self) { try Video.decode(contentsOf: url, frameCount: 2) }
    #expect(error?.code == .invalidVideo)
  }

  @Test(arguments: [
    "ffconcat version 1.0\nfile FILM\n", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nFILM\n#EXT-X-ENDLIST\n",
  ])
  func `a script that names other files is no film and no recording`(script: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(at: scenes, to: folder.appending(path: "film.mp4"))
    for name in ["script.mp4", "script.ffconcat", "script.wav"] {
      let url = folder.appending(path: name)
      try Data(script.replacing("FILM", with: "film.mp4").utf8).write(to: url)
      let error = #expect(throws: ModelError.self) { try Video.decode(contentsOf: url, frameCount: 2) }
      #expect(error?.code == .invalidVideo)
      #expect(error?.message.contains("names other files") == true, "\(error?.message ?? "")")
      #expect(throws: ModelError.self) { try Sound.decode(contentsOf: url) }
    }
  }

  @Test func aMissingFileIsAnError() {
    let error = #expect(throws: ModelError.self) {
      try Video.decode(contentsOf: Fixtures.url("media/nowhere.mp4"), frameCount: 2)
    }
    #expect(error?.code == .unreadableFile)
  }

  @Test(arguments: [0, -1, 65, .max]) func unlikelyNumbersOfFramesAreErrors(count: Int) {
    #expect(throws: ModelError.self) { try Video.decode(contentsOf: scenes, frameCount: count) }
  }

  @Test func aPictureIsAFilmOfOneMoment() throws {
    let video = try Video.decode(contentsOf: Fixtures.url("tiny-a/media/img_256x128.png"), frameCount: 2)
    #expect(video.frames.count == 2 && video.frames[0] == video.frames[1])
  }
}

@Suite struct BlackBarTests {
  /// A picture that is bright in `rows` and `columns` only.
  private func picture(_ width: Int, _ height: Int, rows: Range<Int>, columns: Range<Int>, value: UInt8 = 16) throws
    -> Image
  {
    let pixels = (0..<(width * height)).flatMap { place -> [UInt8] in
      rows.contains(place / width) && columns.contains(place % width) ? [0, value, 0] : [15, 15, 15]
    }
    return try Image(width: width, height: height, pixels: pixels)
  }

  private func size(_ frames: [Image]) throws -> [Int] {
    let cut = try Video(frames: frames, duration: 1).withoutBlackBars().frames
    return [cut[0].width, cut[0].height]
  }

  @Test func barsAreRemoved() throws {
    #expect(try size([picture(20, 10, rows: 1..<8, columns: 3..<19)]) == [16, 7])
  }

  @Test func whatIsLitInAnyFrameStays() throws {
    let frames = [
      try picture(20, 10, rows: 2..<8, columns: 4..<16), try picture(20, 10, rows: 4..<9, columns: 5..<18),
    ]
    #expect(try size(frames) == [14, 7])
  }

  @Test func atMostThirtyPercentAreRemovedAtAnEdge() throws {
    #expect(try size([picture(20, 10, rows: 5..<6, columns: 10..<11)]) == [8, 4])
  }

  @Test func aBlackFilmKeepsItsMiddle() throws {
    #expect(try size([picture(20, 10, rows: 0..<10, columns: 0..<20, value: 15)]) == [8, 4])
  }

  @Test func theRightPixelsAreKept() throws {
    let image = try picture(5, 5, rows: 1..<4, columns: 1..<5, value: 200)
    let cut = try Video(frames: [image], duration: 1).withoutBlackBars().frames[0]
    #expect(cut.pixels == (0..<12).flatMap { _ -> [UInt8] in [0, 200, 0] })
  }

  @Test func framesHaveToBeOfOneSize() throws {
    let frames = [
      try picture(4, 4, rows: 0..<4, columns: 0..<4), try picture(4, 5, rows: 0..<4, columns: 0..<4),
    ]
    #expect(throws: ModelError.self) { try Video(frames: frames, duration: 1) }
    #expect(throws: ModelError.self) { try Video(frames: [], duration: 1) }
    #expect(throws: ModelError.self) { try Video(frames: [frames[0]], duration: .nan) }
  }
}
