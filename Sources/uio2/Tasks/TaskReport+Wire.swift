import Files
import RobotInterface
import UnifiedIO

extension TaskReport {
  /// What a daemon answered; a picture or a sound is written to `target`.
  init(_ result: GenerationResult, target: OutputTarget?) throws {
    self.init(task: "ask")
    if result.media == nil { answer = Answer(result) }
    stages = Dictionary(
      uniqueKeysWithValues: result.timings.durations.map { ($0.key.name, Double($0.value) / 1e6) })
    guard let media = result.media, let target else { return }
    try target.write(media.bytes)
    let path = target.path
    switch media.kind {
    case .png:
      let picture = try Image.decode(media.bytes)
      written = Medium(file: path, width: picture.width, height: picture.height)
    case .wav:
      let sound = try Sound.decode(media.bytes)
      written = Medium(file: path, seconds: sound.duration, rate: sound.sampleRate)
    }
  }
}

extension TaskReport.Answer {
  fileprivate init(_ result: GenerationResult) {
    text = result.text
    tokens = result.tokens
    finish = result.finishReason.rawValue
    confidence = result.confidence ?? 0
  }
}
