import Tensors
import UnifiedIO

extension PreprocessingParity {
  /// The sounds of one example: input, history, target.
  static func compareSounds(
    _ golden: GoldenPart, _ own: OwnPreprocessing, _ example: String, _ call: GoldenCalls.Call,
    row: (ParityRow) -> Void
  ) throws(ModelError) {
    if let (audio, history) = try own.audio(call) {
      // Spectrograms are compared as they are: normalised they lie within about -0.8...1.7.
      try compare(golden, "\(example)/inputs/audio", [audio], deviations: [1], row: row)
      if !history.isEmpty {
        try compare(golden, "\(example)/inputs/audio_history", history, deviations: [1], row: row)
      }
    }
    if let sound = try own.sound(call.audio_targets) {
      let target = try own.preprocessor.audioTarget(sound), prefix = "\(example)/targets/audio"
      row(identical("\(prefix)/mask", target.mask.map { $0 ? 1 : 0 }, try golden.integers("\(prefix)/mask")))
      row(try largestDifference(golden, "\(prefix)/audio", target.values, length: 128))
    }
  }

  /// Each golden sound before it becomes patches: mixed and resampled, and the mel filters.
  static func compareSoundStages(
    _ golden: GoldenPart, _ own: OwnPreprocessing, row: (ParityRow) -> Void
  ) throws(ModelError) {
    for tensor in golden.names where tensor.hasPrefix("audio.") && tensor.hasSuffix(".waveform16k") {
      let name = tensor.dropFirst("audio.".count).dropLast(".waveform16k".count)
      guard let sound = try own.sound("media/\(name).wav") else { continue }
      let samples = try sound.resampled(to: Sound.modelRate).samples
      row(try largestDifference(golden, tensor, samples, length: 1))
    }
    if golden.has("audio.mel_filterbank") {
      row(try largestDifference(golden, "audio.mel_filterbank", LogMelSpectrogram.filterWeights, length: 1))
    }
  }
}
