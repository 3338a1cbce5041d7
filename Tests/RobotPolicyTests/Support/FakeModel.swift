import RobotInterface
import RobotPolicy
import Synchronization
import UnifiedIO

/// Says what a test tells it to, inside the grammar it is given, and remembers what it was shown.
final class FakeModel: ActionModel {
  struct Picture: ActionPicture {
    var width: Int
    var height: Int
    var firstByte: UInt8
  }

  let tokenizer = FakeTokenizer()
  let maximumHistoryFrames: Int
  let maximumAnswerTokens: Int
  let maximumSoundDuration: Double
  private let decoded = Mutex(Decoded())
  private let answer: Mutex<Answer>
  private let seen = Mutex<[ModelInput]>([])
  private let prompts = Mutex<[PromptText]>([])
  private let batches = Mutex<[Int]>([])
  private let unreadable = Mutex<Float?>(nil)

  /// What the model says.
  enum Answer: Sendable {
    /// Location bins one after the other, repeated; forced tokens as they come, the first of other choices.
    case bins([Int], confidence: Double = 0.5)
    /// These tokens, whatever the grammar says.
    case tokens([Int32], TextGeneration.FinishReason)
    case failure
    /// Some number on the way was none.
    case unsound
  }

  /// How often something was decoded.
  struct Decoded: Hashable {
    var pictures = 0
    var sounds = 0
  }

  init(
    _ answer: Answer, maximumHistoryFrames: Int = 4, maximumAnswerTokens: Int = 512, maximumSoundDuration: Double = 0
  ) {
    self.maximumSoundDuration = maximumSoundDuration
    self.answer = Mutex(answer)
    self.maximumHistoryFrames = maximumHistoryFrames
    self.maximumAnswerTokens = maximumAnswerTokens
  }

  var decodings: Decoded { decoded.withLock { $0 } }
  var inputs: [ModelInput] { seen.withLock { $0 } }
  /// How many inputs were encoded together, each time.
  var batchSizes: [Int] { batches.withLock { $0 } }
  /// Refuses, from now on, whatever is encoded together with a picture of this byte.
  func refusePictures(of byte: UInt8) { unreadable.withLock { $0 = Float(byte) } }
  /// The last prompt, by author.
  var lastPrompt: PromptText? { prompts.withLock { $0.last } }
  func say(_ new: Answer) { answer.withLock { $0 = new } }

  /// A file of the fake is its signature, width, height and one byte of contents.
  func decodePicture(_ file: [UInt8], within limits: ImageLimits) throws(ModelError) -> Picture {
    decoded.withLock { $0.pictures += 1 }
    guard file.count == 7 else { throw ModelError(.invalidImage, "image", "damaged") }
    return Picture(width: Int(file[4]), height: Int(file[5]), firstByte: file[6])
  }

  func makePicture(width: Int, height: Int, pixels: [UInt8]) throws(ModelError) -> Picture {
    guard pixels.count == width * height * 3 else { throw ModelError(.invalidImage, "image", "wrong size") }
    return Picture(width: width, height: height, firstByte: pixels.first ?? 0)
  }

  /// A sound of the fake ends with one byte of contents; 0 is damaged.
  func soundInput(_ clip: AudioClip, within limits: SoundLimits) throws(ModelError) -> SoundInput {
    decoded.withLock { $0.sounds += 1 }
    guard let last = clip.data.last, last > 0 else { throw ModelError(.invalidSound, "sound", "is damaged") }
    let patch = PatchInput(patches: [Float(last), Float(limits.duration)], mask: [true], positions: [0])
    return SoundInput(audio: patch, history: last > 200 ? [patch] : [])
  }

  func textInput(_ prompt: PromptText) throws(ModelError) -> [Int32] {
    prompts.withLock { $0.append(prompt) }
    let tokens = tokenizer.encode(prompt.text) + [1]
    guard tokens.count <= 511 else { throw ModelError(.invalidInput, "prompt", "too long") }
    return tokens
  }

  func imageInput(_ picture: Picture) throws(ModelError) -> PatchInput { patch(picture, kind: 1) }
  func historyInput(_ picture: Picture) throws(ModelError) -> PatchInput { patch(picture, kind: 2) }

  private func patch(_ picture: Picture, kind: Float) -> PatchInput {
    PatchInput(patches: [kind, Float(picture.firstByte)], mask: [true], positions: [0])
  }

  func encode(_ inputs: [ModelInput], timings: inout StageTimings) throws(ModelError) -> [Int] {
    if let bad = unreadable.withLock({ $0 }), inputs.contains(where: { $0.image?.patches.last == bad }) {
      throw ModelError(.invalidInput, "image", "unreadable")
    }
    timings[.vision] += 1
    timings[.encode] += 2
    batches.withLock { $0.append(inputs.count) }
    seen.withLock { $0 += inputs }
    return inputs.map(\.text.count)
  }

  func generate(
    from examples: [Int], maximumTokens: Int, constraint: any TokenConstraint
  ) throws(ModelError) -> [TextGeneration] {
    var answers: [TextGeneration] = []
    for _ in examples { answers.append(try answer(maximumTokens: maximumTokens, constraint: constraint)) }
    return answers
  }

  private func answer(maximumTokens: Int, constraint: any TokenConstraint) throws(ModelError) -> TextGeneration {
    switch answer.withLock({ $0 }) {
    case .failure: throw ModelError(.invalidInput, "model", "out of order")
    case .unsound: throw ModelError(.nonFinite, "encoder output", "holds NaN")
    case .tokens(let tokens, let reason): return TextGeneration(tokens: tokens, finishReason: reason, confidence: 0.5)
    case .bins(let bins, let confidence):
      var tokens: [Int32] = []
      var said = 0
      while tokens.count < maximumTokens {
        switch constraint.choice(after: tokens) {
        case .forced(let token): tokens.append(token)
        case .end: return TextGeneration(tokens: tokens, finishReason: .end, confidence: confidence)
        case .among(let ranges):
          if ranges == [tokenizer.locationTokens] {
            tokens.append(tokenizer.locationToken(bin: bins[said % bins.count]))
            said += 1
          } else {
            tokens.append(ranges[0].lowerBound)
          }
        }
      }
      let reason: TextGeneration.FinishReason = constraint.choice(after: tokens) == .end ? .end : .length
      return TextGeneration(tokens: tokens, finishReason: reason, confidence: confidence)
    }
  }
}
