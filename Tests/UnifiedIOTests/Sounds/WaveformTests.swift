import Foundation
import TestSupport
import Testing
import UnifiedIO

/// Spectrograms made audible.
@Suite struct WaveformTests {
  /// Chirp, harmonics and a burst of noise.
  private func sound() throws -> [Float] {
    var generator = SeededGenerator(seed: 1)
    return (0..<LogMelSpectrogram.sampleCount).map { index in
      let t = Double(index) / 16_000
      let chirp = 0.3 * sin(2 * Double.pi * (200 * t + 150 * t * t))
      let tone = 0.1 * sin(2 * Double.pi * 2500 * t)
      let noise = (1.0..<1.2).contains(t) ? Double.random(in: -0.2...0.2, using: &generator) : 0
      return Float(chirp + tone + noise)
    }
  }

  @Test func theWaveformSoundsLikeTheSpectrogram() throws {
    let wanted = try LogMelSpectrogram(segment: sound())
    let waveform = try wanted.waveform()
    #expect(waveform.sampleRate == 16_000 && waveform.samples.count == LogMelSpectrogram.sampleCount)
    #expect(waveform.samples.allSatisfy { $0.isFinite })
    let found = try LogMelSpectrogram(segment: waveform.samples)
    // Where it is not quiet, the loudness of each band is met within a few decibels on average.
    let loud = wanted.values.indices.filter { wanted.values[$0] > -2 }
    let error = loud.reduce(0) { $0 + abs(wanted.values[$1] - found.values[$1]) } / Float(loud.count)
    #expect(error < 0.4, "\(error)")
    #expect(loud.count > 2000)
  }

  @Test func theSameSeedGivesTheSameWaveform() throws {
    let spectrogram = try LogMelSpectrogram(segment: sound())
    #expect(try spectrogram.waveform(iterations: 2, seed: 3) == spectrogram.waveform(iterations: 2, seed: 3))
    #expect(try spectrogram.waveform(iterations: 2, seed: 3) != spectrogram.waveform(iterations: 2, seed: 4))
  }

  @Test func noMemoryForATransformIsAnError() {
    // The plan refuses what it could not hold, as it does where there is no memory.
    let error = #expect(throws: ModelError.self) { try FourierTransform(length: 1 << 25) }
    #expect(error?.code == .outOfMemory)
  }

  @Test func silenceStaysSilent() throws {
    let silence = try LogMelSpectrogram(segment: [])
    #expect(try silence.waveform(iterations: 2).samples.allSatisfy { $0 == 0 })
  }

  @Test func whatTheDecoderMakesIsTurnedRound() throws {
    // Bands first, normalised: one band is loud.
    var generated = [Float](repeating: -2, count: 128 * 256)
    for step in 0..<256 { generated[42 * 256 + step] = 2 }
    let spectrogram = try LogMelSpectrogram(generated: generated)
    #expect(abs(spectrogram.values[100 * 128 + 42] - (2 * 3.8312 - 5.0945)) < 1e-5)
    #expect(abs(spectrogram.values[100 * 128 + 43] - (-2 * 3.8312 - 5.0945)) < 1e-5)
    let samples = try spectrogram.waveform().samples
    let crossings = zip(samples, samples.dropFirst()).count { ($0 < 0) != ($1 < 0) }
    #expect(abs(Double(crossings) / 2 / 4.08 - 1000) < 50)
  }

  @Test(arguments: [Float.greatestFiniteMagnitude, -.greatestFiniteMagnitude])
  func anExtremeSpectrogramStaysFinite(value: Float) throws {
    let spectrogram = try LogMelSpectrogram(generated: [Float](repeating: value, count: 128 * 256))
    #expect(try spectrogram.waveform(iterations: 2).samples.allSatisfy { $0.isFinite })
  }

  @Test func aSpectrogramOfOtherShapeOrWithoutNumbersIsAnError() {
    #expect(throws: ModelError.self) { try LogMelSpectrogram(generated: [0]) }
    #expect(throws: ModelError.self) { try LogMelSpectrogram(generated: [Float](repeating: .nan, count: 128 * 256)) }
  }
}
