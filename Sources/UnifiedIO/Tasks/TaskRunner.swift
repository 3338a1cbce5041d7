import Foundation
import Tensors

/// Runs the tasks of the release: words, pictures, sounds and films in, typed results in the units of the caller out.
///
/// One file a task family extends it. It holds no state between calls and may be used from several threads.
public struct TaskRunner: Sendable {
  /// The weights.
  public let model: UnifiedIOModel
  /// Text and pictures to what the model takes in.
  public let preprocessor: Preprocessor
  /// The vocabulary, whose own base the location ids depend on.
  public var tokenizer: Tokenizer { preprocessor.tokenizer }

  /// Loads a checkpoint and its tokenizer.
  ///
  /// - Parameters:
  ///   - directory: holds `config.json` and the weights.
  ///   - tokenizer: LLaMA's `tokenizer.model`; `nil`: the one in `directory`.
  ///   - weights: how matrices are kept and multiplied with.
  /// - Throws: ``ModelError`` that names the file at fault.
  public init(directory: URL, tokenizer: URL? = nil, weights: WeightOptions = .standard) throws(ModelError) {
    // The tokenizer first: it is quick to load, the weights are not.
    let tokenizer = try Tokenizer(modelFile: tokenizer ?? directory.appending(path: "tokenizer.model"))
    try self.init(model: try UnifiedIOModel(directory: directory, weights: weights), tokenizer: tokenizer)
  }

  /// Keeps both.
  ///
  /// - Throws: ``ModelError`` `.invalidTokenizer` when the vocabulary is larger than the model's.
  public init(model: UnifiedIOModel, tokenizer: Tokenizer) throws(ModelError) {
    let size = model.configuration.transformer.vocabularySize
    guard tokenizer.count <= size else {
      throw ModelError(
        .invalidTokenizer, "tokenizer", "has \(tokenizer.count) pieces, more than the model's vocabulary of \(size)")
    }
    self.model = model
    preprocessor = Preprocessor(configuration: model.configuration, tokenizer: tokenizer)
  }
}

/// What a prompt is asked of.
public struct TaskInput: Sendable, Hashable {
  /// What is said to the model, `{box}` in the place of ``box``. Names of special tokens (`<image_input>`) stand for these tokens.
  public var prompt: String
  /// The picture that is looked at.
  public var image: Image?
  /// Earlier pictures, oldest first; the prompt may name the first `<image_history_1>`.
  public var history: [Image]
  /// A box in pixels of ``image``.
  public var box: PixelBox?
  /// What is listened to; of a recording longer than 4.08 seconds the last part, the earlier ones are its history.
  public var sound: Sound?
  /// A film in the place of ``image``, ``history`` and ``sound``.
  public var video: Video?

  /// - Parameters:
  ///   - prompt: what is said to the model.
  ///   - image: the picture that is looked at.
  ///   - history: earlier pictures, oldest first.
  ///   - box: in pixels of `image`, named `{box}` in the prompt.
  ///   - sound: what is listened to.
  ///   - video: a film in the place of pictures and sound.
  public init(
    prompt: String, image: Image? = nil, history: [Image] = [], box: PixelBox? = nil, sound: Sound? = nil,
    video: Video? = nil
  ) {
    self.prompt = prompt
    self.image = image
    self.history = history
    self.box = box
    self.sound = sound
    self.video = video
  }
}

/// How a task is run; the defaults are those of the release.
public struct TaskSettings: Sendable {
  /// 0 for the wording that the release evaluates with, from 1 for our own; see ``TaskPrompts``.
  public var wording: Int
  /// `nil`: the task's own limit, ``TaskKind/maximumTokens``.
  public var maximumTokens: Int?
  /// 0: greedy; otherwise tokens are drawn.
  public var temperature: Float
  /// Draw from the k most probable tokens only.
  public var topK: Int?
  /// Draw from the most probable tokens that together have this probability.
  public var topP: Float?
  /// Of the random numbers.
  public var seed: UInt64
  /// Answers followed at the same time; more than 1 is beam search, which a grammar cannot be combined with.
  public var beams: Int
  /// Told of every token and every scored option; `false` ends the work there.
  public var onProgress: (@Sendable (TaskProgress) -> Bool)?

  /// The defaults are those of the release: its wording, its limits, greedy.
  public init(
    wording: Int = 0, maximumTokens: Int? = nil, temperature: Float = 0, topK: Int? = nil, topP: Float? = nil,
    seed: UInt64 = 0, beams: Int = 1, onProgress: (@Sendable (TaskProgress) -> Bool)? = nil
  ) {
    self.wording = wording
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.beams = beams
    self.onProgress = onProgress
  }
}

/// How far a task has come.
public struct TaskProgress: Sendable, Hashable {
  /// What is counted.
  public enum Unit: String, Sendable, Hashable {
    case tokens
    case options
  }

  /// What ``done`` and ``total`` count.
  public var unit: Unit
  /// So many are there.
  public var done: Int
  /// So many there will be: exactly for options, at most for tokens.
  public var total: Int
  /// The last token of an answer in text; in beam search the best beam's.
  public var token: Int32?

  /// - Parameters:
  ///   - unit: what is counted.
  ///   - done: so far.
  ///   - total: at most.
  ///   - token: the last one of an answer in text.
  public init(unit: Unit, done: Int, total: Int, token: Int32? = nil) {
    self.unit = unit
    self.done = done
    self.total = total
    self.token = token
  }
}
