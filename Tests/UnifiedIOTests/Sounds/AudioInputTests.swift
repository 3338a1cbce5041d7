import Foundation
import Testing
import UnifiedIO

/// How recordings are cut, and what becomes of a segment; the numbers themselves are compared with the reference in `ParityTests`.
@Suite struct AudioInputTests {
  let preprocessor: Preprocessor

  init() throws {
    preprocessor = Preprocessor(tokenizer: try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model")))
  }

  private func tone(_ frequency: Double, seconds: Double, rate: Int = 16_000) throws -> Sound {
    let count = Int((seconds * Double(rate)).rounded())
    return try Sound(
      samples: (0..<count).map { Float(0.5 * sin(2 * Double.pi * frequency * Double($0) / Double(rate))) },
      sampleRate: rate)
  }

  @Test(arguments: [
    (0.01, 1), (4.08, 1), (6.2, 1), (6.24, 2), (8.16, 2), (10.2, 2), (10.32, 3), (20.4, 5), (60, 5),
  ])
  func aRecordingIsCutIntoSegments(seconds: Double, expected: Int) throws {
    let input = try preprocessor.audioInput(tone(300, seconds: seconds))
    // Not more history than the model takes.
    #expect(input.history.count + 1 == expected)
    for part in input.history + [input.audio] {
      #expect(part.count == 128 && part.patches.count == 128 * 256 && part.positions == Array(0..<128))
    }
  }

  @Test func theLastSegmentIsTheInput() throws {
    let low = try tone(300, seconds: 4.08), high = try tone(3000, seconds: 4.08)
    let input = try preprocessor.audioInput(try Sound(samples: low.samples + high.samples, sampleRate: 16_000))
    let (lowAlone, highAlone) = (try preprocessor.audioInput(low), try preprocessor.audioInput(high))
    #expect(input.audio == highAlone.audio)
    #expect(input.history == [lowAlone.audio])
  }

  @Test func appendedSilenceIsMasked() throws {
    let input = try preprocessor.audioInput(tone(300, seconds: 1))
    // 16 rows of patches in time, 0.256 seconds each; 8 patches a row.
    for (patch, heard) in input.audio.mask.enumerated() { #expect(heard == (patch / 8 < 4)) }
    // Log power 0 where nothing is heard, normalised.
    #expect(abs(try #require(input.audio.patches.last) - 4.26 / 9.14) < 1e-6)
  }

  @Test func silenceIsMaskedAltogether() throws {
    let silence = try Sound(samples: [Float](repeating: 0, count: 20_000), sampleRate: 16_000)
    #expect(try !preprocessor.audioInput(silence).audio.mask.contains(true))
  }

  @Test func aToneIsInItsBand() throws {
    // Slaney's mel: 1,000 Hz is mel 15 of 45.2 in all, so about band 42 of 128.
    let spectrogram = try LogMelSpectrogram(segment: tone(1000, seconds: 4.08).samples)
    let row = spectrogram.values[(128 * 128)..<(129 * 128)]
    let loudest = (row.indices.max { row[$0] < row[$1] } ?? 0) - 128 * 128
    #expect((41...42).contains(loudest))
  }

  @Test func loudSamplesStayFinite() throws {
    let samples = (0..<70_000).map { $0 % 2 == 0 ? Sound.maximumAmplitude : -Sound.maximumAmplitude }
    let input = try preprocessor.audioInput(try Sound(samples: samples, sampleRate: 16_000))
    #expect(input.audio.patches.allSatisfy { $0.isFinite })
  }

  @Test func aTargetHasToFit() throws {
    let target = try preprocessor.audioTarget(tone(300, seconds: 4.08))
    #expect(target.values.count == 256 * 128 && target.mask.count == 512)
    let error = #expect(throws: ModelError.self) { try preprocessor.audioTarget(tone(300, seconds: 7)) }
    #expect(error?.code == .invalidSound)
  }

  @Test(arguments: [0, -16, 24, 256]) func patchesThatDoNotFitAreErrors(side: Int) throws {
    let other = Preprocessor(
      geometry: PreprocessingGeometry(audioPatchSize: side), tokenizer: preprocessor.tokenizer)
    let error = #expect(throws: ModelError.self) { try other.audioInput(tone(300, seconds: 1)) }
    #expect(error?.code == .invalidConfiguration)
  }

  @Test func manyThreadsMaySpeakAtOnce() async throws {
    let sound = try tone(700, seconds: 2)
    let alone = try preprocessor.audioInput(sound).audio
    try await withThrowingTaskGroup(of: PatchInput.self) { group in
      for _ in 0..<8 { group.addTask { try preprocessor.audioInput(sound).audio } }
      for try await result in group { #expect(result == alone) }
    }
  }
}
