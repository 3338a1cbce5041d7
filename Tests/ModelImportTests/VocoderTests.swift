import Foundation
import ModelImport
import Tensors
import Testing
import UnifiedIO

/// HiFi-GAN generators as PyTorch saves them, and what PyTorch makes of a spectrogram with them.
@Suite struct VocoderTests {
  private static let folder = Fixtures.url("vocoder")

  private func failure(_ body: () throws -> Void) -> ImportError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ImportError
    }
  }

  /// `single`: a file of HiFi-GAN's training, blocks of kind "2", weight norm. `double`: safetensors, kind "1", plain weights.
  @Test(arguments: ["single", "double"]) func samplesAreThoseOfPyTorch(name: String) throws {
    let expected = try SafetensorsFile(path: Self.folder.appending(path: "expected.safetensors").path)
    let wanted = try expected.tensor(name).values
    let vocoder = try Vocoder(contentsOf: Self.folder.appending(path: name))
    let samples = vocoder.samples(of: try expected.tensor("spectrogram"))
    #expect(samples.count == 9 * 256 && wanted.count == samples.count)
    #expect(wanted.contains { abs($0) > 0.5 }, "there is something to hear")
    let furthest = zip(samples, wanted).map { abs($0 - $1) }.max() ?? .infinity
    #expect(furthest < 2e-6, "\(furthest)")
  }

  @Test func theFileItselfIsAsGoodAsItsFolder() throws {
    let expected = try SafetensorsFile(path: Self.folder.appending(path: "expected.safetensors").path)
    let spectrogram = try expected.tensor("spectrogram")
    let file = try Vocoder(contentsOf: Self.folder.appending(path: "single/g_00000012"))
    let folder = try Vocoder(contentsOf: Self.folder.appending(path: "single"))
    #expect(file.samples(of: spectrogram) == folder.samples(of: spectrogram))
  }

  @Test func aSpectrogramBecomesASound() throws {
    let vocoder = try Vocoder(contentsOf: Self.folder.appending(path: "single"))
    let tone = (0..<LogMelSpectrogram.sampleCount).map { Float(sin(Double($0) / 8)) }
    let sound = try vocoder.waveform(of: LogMelSpectrogram(segment: tone))
    #expect(sound.samples.count == 65_536 && sound.sampleRate == 16_000)
    #expect(sound.samples.allSatisfy { abs($0) <= 1 })
    let silence = try vocoder.waveform(of: LogMelSpectrogram(segment: []))
    #expect(silence.samples != sound.samples)
    // Without an event there is nothing to tell one step from the next, away from the ends.
    for index in 10_000..<20_000 { #expect(abs(silence.samples[index] - silence.samples[index + 256]) < 1e-6) }
  }

  @Test func weightsThatAreNotFiniteAreNoSound() throws {
    let vocoder = try Vocoder(contentsOf: Self.folder.appending(path: "single"))
    let loud = try LogMelSpectrogram(generated: [Float](repeating: .greatestFiniteMagnitude, count: 128 * 256))
    #expect(throws: ModelError.self) { try vocoder.waveform(of: loud) }
  }

  /// A copy of the folder `double` with one thing changed.
  private func copy(_ change: (URL) throws -> Void) throws -> URL {
    let copy = try Fixtures.folder().appending(path: "vocoder")
    try FileManager.default.copyItem(at: Self.folder.appending(path: "double"), to: copy)
    try change(copy)
    return copy
  }

  private func replacing(_ old: String, _ new: String, in url: URL) throws {
    var data = try Data(contentsOf: url)
    let range = try #require(data.range(of: Data(old.utf8)))
    data.replaceSubrange(range, with: Data(new.utf8))
    try data.write(to: url)
  }

  @Test(arguments: [
    ("\"1\"", "\"3\"", "config.json"), ("\"1\"", "1", "config.json"),
    ("upsample_rates", "upsample_rate", "config.json"),
    ("    16,\n    16", "    16,\n    8", "upsample_rates"),
    ("    32,\n    16", "    31,\n    16", "upsample_kernel_sizes"),
    ("\"upsample_initial_channel\": 8", "\"upsample_initial_channel\": 6", "upsample_initial_channel"),
    ("\"upsample_initial_channel\": 8", "\"upsample_initial_channel\": 99999999", "upsample_initial_channel"),
    ("    3,\n    7", "    3,\n    6", "resblock_kernel_sizes"), ("    3,\n    7", "    3", "resblock_dilation_sizes"),
    ("      3,\n      5", "      0,\n      5", "resblock_dilation_sizes"),
    ("\"resblock\"", "\"num_mels\": 80, \"resblock\"", "num_mels"),
    ("\"resblock\"", "\"sampling_rate\": 22050, \"resblock\"", "sampling_rate"),
  ])
  func numbersThatDoNotFitAreErrors(old: String, new: String, subject: String) throws {
    let folder = try copy { try replacing(old, new, in: $0.appending(path: "config.json")) }
    let error = failure { _ = try Vocoder(contentsOf: folder) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.subject.hasSuffix(subject) == true, "\(String(describing: error))")
  }

  @Test func tensorsThatDoNotFitAreNamed() throws {
    let renamed = try copy {
      try replacing("conv_post.bias", "conv_past.bias", in: $0.appending(path: "model.safetensors"))
    }
    let missing = failure { _ = try Vocoder(contentsOf: renamed) }
    #expect(missing?.code == .missingTensor && missing?.subject == "conv_post.bias")
    let fewer = try copy { try replacing("[\n      1,\n      2\n    ]", "[1]", in: $0.appending(path: "config.json")) }
    let surplus = failure { _ = try Vocoder(contentsOf: fewer) }
    #expect(surplus?.code == .surplusTensor && surplus?.subject == "resblocks.1.convs1.1.bias")
    let wider = try copy {
      try replacing("_channel\": 8", "_channel\": 16", in: $0.appending(path: "config.json"))
    }
    #expect(failure { _ = try Vocoder(contentsOf: wider) }?.code == .shapeMismatch)
  }

  @Test func filesThatAreNotThereOrNoWeightsAreErrors() throws {
    #expect(failure { _ = try Vocoder(contentsOf: URL(filePath: "/nowhere")) }?.code == .unreadableFile)
    let bare = try copy { try FileManager.default.removeItem(at: $0.appending(path: "config.json")) }
    #expect(failure { _ = try Vocoder(contentsOf: bare) }?.code == .unreadableFile)
    let empty = try copy { try FileManager.default.removeItem(at: $0.appending(path: "model.safetensors")) }
    #expect(failure { _ = try Vocoder(contentsOf: empty) }?.code == .unreadableFile)
    let hostile = try copy {
      try FileManager.default.removeItem(at: $0.appending(path: "model.safetensors"))
      try FileManager.default.copyItem(at: Fixtures.url("hostile-system.bin"), to: $0.appending(path: "g_1"))
    }
    #expect(failure { _ = try Vocoder(contentsOf: hostile) }?.code == .refused)
  }
}
