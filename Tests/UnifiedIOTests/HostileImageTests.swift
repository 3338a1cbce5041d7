import TestSupport
import Testing
import UnifiedIO

/// Files that are small and would cost much.
@Suite("A picture costs what its size allows, whatever its file says")
struct HostileImageTests {
  /// Decodes a file.
  ///
  /// - Returns: what went wrong, and the processor's time that it took.
  private func refusal(_ file: [UInt8], within limits: ImageLimits = ImageLimits()) -> (ModelError?, Duration) {
    var failure: ModelError?
    let duration = processorTime {
      do throws(ModelError) { _ = try Image.decode(file, within: limits) } catch { failure = error }
    }
    return (failure, duration)
  }

  @Test func `handmade files are what the decoder reads`() throws {
    let image = try Image.decode(HandmadePNG.black(width: 33, height: 5))
    #expect(image == (try Image(width: 33, height: 5, pixels: [UInt8](repeating: 0, count: 33 * 5 * 3))))
    let grey = try Image.decode(HandmadeJPEG.progressive(width: 40, height: 24, scans: 32))
    #expect(grey == (try Image(width: 40, height: 24, pixels: [UInt8](repeating: 128, count: 40 * 24 * 3))))
  }

  @Test(arguments: [true, false]) func `texts are not inflated`(isBefore: Bool) throws {
    // Inflated these are 6 GiB, ten seconds at least.
    let texts = [[UInt8]](repeating: HandmadePNG.text(of: 3 << 20), count: 2_000)
    let file = HandmadePNG.black(width: 16, height: 16, before: isBefore ? texts : [], after: isBefore ? [] : texts)
    let (error, duration) = refusal(file)
    #expect(error == nil)
    #expect(duration < .seconds(2), "\(duration)")
  }

  @Test func `colour profiles, animations and unknown chunks are passed over`() throws {
    let profile = HandmadePNG.chunk("iCCP", [0x70, 0, 0] + HandmadePNG.zlibZeros(1 << 20))
    let others = ["gAMA", "sRGB", "bKGD", "tIME", "acTL", "fcTL", "fdAT", "abCd"].map {
      HandmadePNG.chunk($0, [1, 2, 3])
    }
    let plain = try Image.decode(HandmadePNG.black(width: 8, height: 4))
    #expect(try Image.decode(HandmadePNG.black(width: 8, height: 4, before: [profile] + others)) == plain)
    #expect(try Image.decode(HandmadePNG.black(width: 8, height: 4, after: others)) == plain)
    // One that nobody knows, and that says that the picture cannot do without it.
    #expect(refusal(HandmadePNG.black(width: 8, height: 4, before: [HandmadePNG.chunk("ABCD", [])])).0 != nil)
  }

  @Test func `nothing is inflated behind the last row`() throws {
    let plain = try Image.decode(HandmadePNG.black(width: 128, height: 128))
    let file = HandmadePNG.black(width: 128, height: 128, surplus: 2 << 30)
    #expect(file.count < 3 << 20)
    let (error, duration) = refusal(file)
    #expect(try error == nil && Image.decode(file) == plain)
    #expect(duration < .seconds(1), "\(duration)")
  }

  @Test func `what is missing at the end is still noticed`() {
    let file = HandmadePNG.black(width: 128, height: 128, surplus: 100_000)
    for missing in [1, 4, 12, 13, 20, file.count / 2] {
      #expect(refusal(Array(file.dropLast(missing))).0?.code == .invalidImage, "\(missing) bytes are missing")
    }
    // A whole stream, of too few rows.
    let short = HandmadePNG.file(width: 9, height: 9, [HandmadePNG.chunk("IDAT", HandmadePNG.zlibZeros(8 * 28))])
    #expect(refusal(short).0?.code == .invalidImage)
    #expect(refusal(HandmadePNG.file(width: 9, height: 9, [])).0?.code == .invalidImage)
  }

  @Test func `a flipped bit of the pixels' chunk is noticed, also behind the last row`() {
    let file = HandmadePNG.black(width: 128, height: 128, surplus: 100_000)
    for place in [60, 100, file.count - 40] {
      var damaged = file
      damaged[place] ^= 4
      #expect(refusal(damaged).0?.code == .invalidImage, "byte \(place)")
    }
  }

  @Test func `another size than the announced one is seen in the header`() {
    let announced = ImageLimits(size: ImageSize(height: 128, width: 128))
    // Nothing follows the headers: whoever looked further would find the file cut short.
    let png = Array(HandmadePNG.black(width: 4_000, height: 4_000).prefix(33))
    let jpeg = Array(HandmadeJPEG.progressive(width: 4_000, height: 4_000, scans: 1).prefix(150))
    for file in [png, jpeg] {
      let (error, _) = refusal(file, within: announced)
      #expect(error?.code == .unexpectedSize)
      #expect(error?.message == "expected 128 x 128 pixels, found 4000 x 4000")
      #expect(refusal(file).0?.code == .invalidImage)
    }
    #expect(
      refusal(HandmadePNG.black(width: 720, height: 477), within: announced).0?.message.contains("720 x 477") == true)
  }

  @Test func `more pixels than a caller can use are refused from the header`() {
    let file = Array(HandmadePNG.black(width: 300, height: 200).prefix(33))
    let (error, _) = refusal(file, within: ImageLimits(pixelCount: 59_999))
    #expect(error?.code == .invalidImage)
    #expect(error?.message.hasPrefix("300 x 200 pixels") == true)
  }

  @Test func `a JPEG of too many scans is refused, one of 32 is read`() throws {
    let (error, _) = refusal(HandmadeJPEG.progressive(width: 2_000, height: 2_000, scans: 33))
    #expect(error?.message == "too many scans")
    #expect(try Image.decode(HandmadeJPEG.progressive(width: 100, height: 60, scans: 32)).width == 100)
  }

  @Test(arguments: ["444.jpg", "420.jpg", "progressive.jpg", "restart.jpg"])
  func `a few stray bytes before a marker of a JPEG change nothing`(name: String) throws {
    let file = try Fixtures.bytes("codecs/\(name)"), image = try Image.decode(file)
    let end = file.count - 2
    #expect(Array(file[end...]) == [0xff, 0xd9])
    for stray in [[0], [0x11, 0x22, 0x33, 0x44], [UInt8](repeating: 0, count: 200)] as [[UInt8]] {
      #expect(
        try Image.decode(Array(file[..<end]) + stray + file[end...]) == image, "\(stray.count) bytes before the end")
      // Before the tables, which begin behind the first segment.
      let tables = 4 + Int(file[4]) << 8 + Int(file[5])
      #expect(try Image.decode(Array(file[..<tables]) + stray + file[tables...]) == image)
    }
    // Some of them lie in the decoder's bit buffer already, and are not counted.
    let many = [UInt8](repeating: 0, count: 280)
    #expect(refusal(Array(file[..<end]) + many + file[end...]).0?.code == .invalidImage, "a scan that ended early")
    #expect(refusal(Array(file[..<end]) + [0, 0]).0?.code == .invalidImage, "a file without an end")
  }

  @Test(arguments: [UInt8(1), 3, 6, 8]) func `a PNG stands upright too`(orientation: UInt8) throws {
    for isBefore in [true, false] {
      let chunk = [HandmadePNG.exif(orientation: orientation)]
      let file = HandmadePNG.black(
        width: 30, height: 20, before: isBefore ? chunk : [], after: isBefore ? [] : chunk)
      let image = try Image.decode(file)
      #expect(image.width == (orientation > 4 ? 20 : 30))
      #expect(throws: Never.self) {
        try Image.decode(file, within: ImageLimits(size: ImageSize(height: image.height, width: image.width)))
      }
    }
    // Which way, the JPEG fixtures tell; the tag is read by the same code.
    let stored = try Fixtures.bytes("codecs/rgba.png")
    let turned = Array(stored[..<33]) + HandmadePNG.exif(orientation: orientation) + stored[33...]
    let upright = try Image.decode(stored), image = try Image.decode(turned)
    func pixel(_ image: Image, _ x: Int, _ y: Int) -> [UInt8] {
      Array(image.pixels[((y * image.width + x) * 3)...].prefix(3))
    }
    let first = pixel(upright, 0, 0)
    switch orientation {
    case 3: #expect(pixel(image, image.width - 1, image.height - 1) == first)
    case 6: #expect(pixel(image, image.width - 1, 0) == first)
    case 8: #expect(pixel(image, 0, image.height - 1) == first)
    default: #expect(image == upright)
    }
  }

  @Test func `an orientation behind stray bytes is found`() throws {
    let file = try Fixtures.bytes("codecs/orientation-6.jpg"), image = try Image.decode(file)
    #expect(try Image.decode(Array(file[..<2]) + [0xff, 0xfe, 0, 4, 1, 2, 7, 7, 7] + file[2...]) == image)
  }

  @Test func `who is called off ends at once`() {
    let cancellation = Cancellation()
    cancellation.cancel()
    let limits = ImageLimits(cancellation: cancellation)
    let files = [
      HandmadePNG.black(width: 4_000, height: 4_000),
      HandmadeJPEG.progressive(width: 4_000, height: 4_000, scans: 30),
    ]
    for file in files {
      let (error, _) = refusal(file, within: limits)
      #expect(error?.code == .cancelled)
      #expect(refusal(file, within: ImageLimits(cancellation: Cancellation())).0 == nil)
    }
  }

  @Test func `mutated chunks give a picture or an error, in bounded time`() {
    let file = HandmadePNG.black(
      width: 20, height: 20, before: [HandmadePNG.text(of: 1 << 16), HandmadePNG.exif(orientation: 6)], surplus: 5_000)
    var generator = SeededGenerator(seed: 7)
    var refused = 0
    let rounds = 2_000
    for _ in 0..<rounds where refusal(generator.mutated(file)).0 != nil { refused += 1 }
    #expect(refused > 100 && refused < rounds - 100, "\(refused) of \(rounds) were refused")
  }
}
