import Foundation
import TestSupport
import Testing
import UnifiedIO

@Suite struct SoundDecodingTests {
  private func code(_ bytes: [UInt8]) -> ModelError.Code? {
    do {
      _ = try Sound.decode(bytes)
      return nil
    } catch {
      return error.code
    }
  }

  /// Hz, by counting crossings of zero.
  private func pitch(_ sound: Sound) -> Double {
    let crossings = zip(sound.samples, sound.samples.dropFirst()).count { ($0 < 0) != ($1 < 0) }
    return Double(crossings) / 2 / sound.duration
  }

  @Test func floatSamplesAreTakenAsTheyAre() throws {
    let samples: [Float] = [0, 0.25, -1, 1.5, 1e-9]
    let sound = try Sound.decode(WAVFile.float(samples, rate: 22_050))
    #expect(sound.samples == samples && sound.sampleRate == 22_050)
  }

  @Test(arguments: ["media/tone.flac", "media/tone.ogg"]) func otherFormatsAreRead(name: String) throws {
    let sound = try Sound.decode(try Fixtures.bytes(name))
    #expect(sound.sampleRate == 8000)
    #expect(abs(sound.duration - 1) < 0.1)
    #expect(abs(pitch(sound) - 1000) < 10)
  }

  @Test func sixteenBitsAreScaledToOne() throws {
    let sound = try Sound.decode(try Fixtures.bytes("tiny-a/media/tone6s_16k_mono.wav"))
    #expect(sound.duration == 6)
    #expect((sound.samples.map { abs($0) }.max() ?? 0) <= 1)
    #expect(sound.samples.allSatisfy { ($0 * 32768).rounded() == $0 * 32768 })
  }

  @Test(arguments: [2, 8, 64]) func channelsAreMixed(channels: Int) throws {
    let frames = (0..<5000).flatMap { frame in (0..<channels).map { Float(frame % 7) * 0.1 + Float($0) } }
    let sound = try Sound.decode(WAVFile.float(frames, channels: channels))
    #expect(sound.samples.count == 5000)
    for (index, sample) in sound.samples.enumerated() {
      #expect(abs(sample - Float(index % 7) * 0.1 - Float(channels - 1) / 2) < 1e-4)
    }
  }

  /// A tone in one channel, silence in the seven others.
  @Test func eightChannelsOfAFileAreMixed() throws {
    let sound = try Sound.decode(try Fixtures.bytes("media/eight-channels.wav"))
    #expect(sound.samples.count == 400 && sound.sampleRate == 8000)
    for (index, sample) in sound.samples.enumerated() {
      #expect(abs(Double(sample) - sin(2 * Double.pi * 500 * Double(index) / 8000) / 8) < 1e-6)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity, 1e30]) func samplesThatAreNoSoundAreErrors(sample: Float) throws {
    let error = #expect(throws: ModelError.self) { try Sound.decode(WAVFile.float([0, sample, 0])) }
    #expect(error?.code == .invalidSound)
    #expect(error?.message.contains("sample 1") == true)
    #expect(throws: ModelError.self) { try Sound(samples: [sample], sampleRate: 16_000) }
  }

  @Test func soundWithoutSamplesIsAnError() {
    #expect(code(WAVFile.float([])) == .invalidSound)
    #expect(code([]) == .invalidSound)
    #expect(throws: ModelError.self) { try Sound(samples: [], sampleRate: 16_000) }
  }

  @Test(arguments: [0, 1, 999, 800_000, -5, .max]) func unlikelyRatesAreErrors(rate: Int) {
    #expect(throws: ModelError.self) { try Sound(samples: [0], sampleRate: rate) }
  }

  @Test func anUnlikelyRateInAFileIsAnError() {
    #expect(code(WAVFile.float([0, 0], rate: 10)) == .invalidSound)
  }

  @Test func moreThanIsHeardIsRefusedWithoutReadingOn() throws {
    let limits = SoundLimits(duration: 1)
    #expect(try Sound.decode(WAVFile.float([Float](repeating: 0.5, count: 16_000)), within: limits).duration == 1)
    // What is no sample lies behind the limit: whoever read so far would complain of it instead.
    var samples = [Float](repeating: 0.5, count: 200_000)
    samples[199_999] = .nan
    let error = #expect(throws: ModelError.self) { try Sound.decode(WAVFile.float(samples), within: limits) }
    #expect(error?.code == .invalidSound)
    #expect(error?.message == "lasts more than the 1.0 seconds that are heard; shorten it")
  }

  @Test func aHeaderThatPromisesLittleDoesNotLetMoreIn() {
    // FLAC and OGG may say nothing of their length, WAV may say too little of it; what counts is what comes.
    let file = WAVFile.float([Float](repeating: 0.5, count: 100_000), declaredBytes: .max)
    let error = #expect(throws: ModelError.self) { try Sound.decode(file, within: SoundLimits(duration: 1)) }
    #expect(error?.message.contains("more than the 1.0 seconds") == true)
  }

  @Test func channelsAndRatesAreBoundedTogether() {
    func message(channels: Int, rate: Int) -> String? {
      let limits = SoundLimits(valuesPerSecond: SoundLimits.usualValuesPerSecond)
      do throws(ModelError) {
        _ = try Sound.decode(
          WAVFile.float([Float](repeating: 0, count: channels), channels: channels, rate: rate), within: limits)
        return nil
      } catch {
        return error.message
      }
    }
    #expect(message(channels: 8, rate: 192_000) == nil)
    #expect(message(channels: 64, rate: 24_000) == nil)
    #expect(message(channels: 9, rate: 192_000)?.contains("1536000 values") == true)
    #expect(message(channels: 65, rate: 8_000) == "65 channels; at most 64 are read")
  }

  @Test(arguments: ["media/tone.flac", "media/tone.ogg"]) func whoIsCalledOffEndsAtOnce(name: String) throws {
    let cancellation = Cancellation(), file = try Fixtures.bytes(name)
    #expect(throws: Never.self) { try Sound.decode(file, within: SoundLimits(cancellation: cancellation)) }
    cancellation.cancel()
    let error = #expect(throws: ModelError.self) {
      try Sound.decode(file, within: SoundLimits(cancellation: cancellation))
    }
    #expect(error?.code == .cancelled)
  }

  @Test func theLongestSoundThatIsHeardHasAsManySegmentsAsTheModelReads() throws {
    let geometry = PreprocessingGeometry(maximumHistoryFrames: 2)
    #expect(abs(geometry.maximumSoundDuration - (3.5 * 4.08 + 0.1)) < 1e-9)
  }

  @Test func otherFilesAreErrors() {
    #expect(code(Array("GIF89a and so on".utf8)) == .invalidSound)
    #expect(code(Array("RIFF".utf8)) == .invalidSound)
    #expect(code(Array("RIFF\0\0\0\0WAVE".utf8)) == .invalidSound)
  }

  @Test func aFileThatNamesNoLengthIsRead() throws {
    // As programs write it that send a file through a pipe.
    let samples = (0..<100).map { Float($0) / 100 }
    #expect(try Sound.decode(WAVFile.float(samples, declaredBytes: .max)).samples == samples)
  }

  @Test func aWAVFileThatIsCutShortGivesWhatIsThere() throws {
    let samples = (0..<1000).map { Float($0) / 1000 }
    let bytes = WAVFile.float(samples)
    #expect(try Sound.decode(Array(bytes.dropLast(2000))).samples == Array(samples.prefix(500)))
  }

  @Test func aFLACFileThatIsCutShortIsAnError() throws {
    let bytes = try Fixtures.bytes("media/tone.flac")
    #expect(code(Array(bytes.prefix(bytes.count / 2))) == .invalidSound)
  }

  @Test func aWrittenFileIsReadBack() throws {
    let samples = (0..<1000).map { sin(Float($0) / 10) } + [2, -2]
    let sound = try Sound(samples: samples, sampleRate: 16_000)
    let back = try Sound.decode(try sound.wav())
    #expect(back.sampleRate == 16_000 && back.samples.count == samples.count)
    for (a, b) in zip(back.samples, samples) { #expect(abs(a - min(max(b, -1), 1)) < 1e-4) }
  }

  @Test func aMissingFileIsAnError() {
    let error = #expect(throws: ModelError.self) { try Sound.decode(contentsOf: Fixtures.url("media/nowhere.wav")) }
    #expect(error?.code == .unreadableFile)
  }

  /// Not whether the samples are right, but that nothing but a sound or an error comes out.
  @Test(arguments: ["media/tone.flac", "media/tone.ogg", "wav"])
  func damagedFilesGiveASoundOrAnError(name: String) throws {
    let bytes =
      name == "wav"
      ? WAVFile.float((0..<500).map { Float($0 % 9) / 9 }, channels: 2, rate: 8000) : try Fixtures.bytes(name)
    var generator = SeededGenerator(seed: UInt64(bytes.count))
    for round in 0..<600 {
      var damaged = generator.mutated(bytes)
      // Half of the time in the headers, where damage does most.
      if round % 2 == 0, damaged.count > 64 { damaged[Int.random(in: 0..<64, using: &generator)] ^= 0xff }
      do {
        let sound = try Sound.decode(damaged)
        #expect(!sound.samples.isEmpty && sound.samples.allSatisfy { $0.isFinite })
      } catch {
        #expect(error.code == .invalidSound)
      }
    }
  }
}

@Suite struct SoundResamplingTests {
  @Test(arguments: [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
  func aToneKeepsItsPitchAndLoudness(rate: Int) throws {
    let tone = (0..<rate).map { Float(sin(2 * Double.pi * 440 * Double($0) / Double(rate))) }
    let sound = try Sound(samples: tone, sampleRate: rate).resampled(to: 16_000)
    #expect(sound.samples.count == 16_000 && sound.sampleRate == 16_000)
    // Away from the ends, where the filter sees the silence outside.
    for index in 2000..<14_000 {
      #expect(abs(Double(sound.samples[index]) - sin(2 * Double.pi * 440 * Double(index) / 16_000)) < 1e-3)
    }
  }

  @Test func whatTheNewRateCannotHoldIsRemoved() throws {
    let tone = (0..<48_000).map { Float(sin(2 * Double.pi * 12_000 * Double($0) / 48_000)) }
    let sound = try Sound(samples: tone, sampleRate: 48_000).resampled(to: 16_000)
    #expect((sound.samples[2000..<14_000].map { abs($0) }.max() ?? 1) < 1e-3)
  }

  @Test func theSameRateChangesNothing() throws {
    let sound = try Sound(samples: [0.1, 0.2], sampleRate: 16_000)
    #expect(try sound.resampled(to: 16_000) == sound)
  }

  @Test func oneSampleIsEnough() throws {
    #expect(try Sound(samples: [0.5], sampleRate: 44_100).resampled(to: 16_000).samples.count == 1)
  }

  @Test func aRateThatIsNoneIsAnError() throws {
    let sound = try Sound(samples: [0.5], sampleRate: 44_100)
    #expect(throws: ModelError.self) { try sound.resampled(to: 0) }
  }
}
