/// How one attempt at an episode went.
public struct EpisodeRecord: Sendable, Hashable, Codable {
  /// What became of an attempt.
  public enum State: String, Sendable, Hashable, Codable, CaseIterable {
    /// The episode ran to its end; its outcome counts.
    case finished
    /// The simulator crashed, hung or leaked; the episode is tried again.
    case lost
    /// The episode was tried as often as allowed and lost every time. That is a fault of the simulator, so no rate counts it.
    case abandoned
  }

  /// The episode's task and seed.
  public var episode: RunConfiguration.Episode
  /// Which attempt this is, from 1.
  public var attempt: Int
  /// What became of it.
  public var state: State
  /// Why the attempt was lost; empty otherwise.
  public var reason: String
  /// Which worker ran it, from 0.
  public var worker: Int
  /// Whether the task was solved at any step.
  public var successAtAnyStep: Bool
  /// Whether the task was solved in the last state.
  public var successAtEnd: Bool
  /// Control steps.
  public var steps: Int
  /// Control steps until the task was first solved; `nil`: it never was.
  public var stepsToSuccess: Int?
  /// Observations answered with actions.
  public var policySteps: Int
  /// Control steps in which the robot held still for want of a fresh command.
  public var heldSteps: Int
  /// Control steps that began after their time, because the simulator could not keep up; 0 in lockstep.
  public var lateSteps: Int
  /// Actions of fresh chunks that lay in the past when they came; 0 in lockstep.
  public var skippedActions: Int
  /// Actions that the safety envelope changed.
  public var limitedActions: Int
  /// Metres that the end effector travelled; `nil`: not measured.
  public var pathLength: Double?
  /// Mean magnitude of the end effector's jerk, m/s³; `nil`: not measured.
  public var meanJerk: Double?
  /// Seconds of real time that the episode took.
  public var wallSeconds: Double
  /// Where the video of the episode lies, relative to the run's folder; `nil`: none.
  public var video: String?
  /// The first other task of a shared scene that was done although another one was said; `nil`: none.
  public var otherTask: String?
  /// How often each outcome of a primitive came, such as `done` or `nothing_there`; `nil` for robots without primitives.
  public var outcomes: [String: Int]?
  /// The sentence that the policy was given; empty when the worker did not say.
  public var instruction: String
  /// How the seed chose goals: `fresh` for a goal of its own for every seed; `nil` when the worker did not say.
  public var goalProtocol: String?
  /// Control steps after which the episode would have failed; `nil` when the worker did not say.
  public var stepLimit: Int?

  /// Collects the parts.
  public init(
    episode: RunConfiguration.Episode, attempt: Int = 1, state: State = .finished, reason: String = "",
    worker: Int = 0, successAtAnyStep: Bool = false, successAtEnd: Bool = false, steps: Int = 0,
    stepsToSuccess: Int? = nil, policySteps: Int = 0, heldSteps: Int = 0, lateSteps: Int = 0, skippedActions: Int = 0,
    limitedActions: Int = 0, pathLength: Double? = nil, meanJerk: Double? = nil, wallSeconds: Double = 0,
    video: String? = nil, otherTask: String? = nil, outcomes: [String: Int]? = nil, instruction: String = "",
    goalProtocol: String? = nil, stepLimit: Int? = nil
  ) {
    self.episode = episode
    self.attempt = attempt
    self.state = state
    self.reason = reason
    self.worker = worker
    self.successAtAnyStep = successAtAnyStep
    self.successAtEnd = successAtEnd
    self.steps = steps
    self.stepsToSuccess = stepsToSuccess
    self.policySteps = policySteps
    self.heldSteps = heldSteps
    self.lateSteps = lateSteps
    self.skippedActions = skippedActions
    self.limitedActions = limitedActions
    self.pathLength = pathLength
    self.meanJerk = meanJerk
    self.wallSeconds = wallSeconds
    self.video = video
    self.otherTask = otherTask
    self.outcomes = outcomes
    self.instruction = instruction
    self.goalProtocol = goalProtocol
    self.stepLimit = stepLimit
  }

  /// Whether the episode counts as a success.
  public func isSuccess(by rule: RunConfiguration.SuccessRule) -> Bool {
    guard state == .finished else { return false }
    switch rule {
    case .any: return successAtAnyStep
    case .end: return successAtEnd
    }
  }
}

/// One observation, its answer, and what the robot did with it.
public struct StepRecord: Sendable, Hashable, Codable {
  /// Control steps of the episode before this answer.
  public var step: Int
  /// Milliseconds since the policy step before began; `nil` for the first of an episode.
  public var period: Double?
  /// Milliseconds by stage: the daemon's own and the robot's (`round_trip`, `render`, `simulate`).
  public var latency: [String: Double]
  /// What the robot measured of itself in the observation, in the policy's order and units.
  public var proprioception: [Double]
  /// The model's tokens.
  public var tokens: [Int32]
  /// The model's confidence in the chunk, 0...1; `nil`: not known.
  public var confidence: Double?
  /// The commands that were executed, in the policy's units, one row a control step.
  public var commands: [[Double]]
  /// The limits that changed the commands, by their flags on the wire.
  public var limited: UInt32
  /// The sum of the rewards that the simulator gave for the executed commands, and for steps that were held before; `nil`: it gives none.
  public var reward: Double?
  /// Whether the task is solved after them.
  public var success: Bool

  /// Collects the parts.
  public init(
    step: Int, period: Double? = nil, latency: [String: Double] = [:], proprioception: [Double] = [],
    tokens: [Int32] = [],
    confidence: Double? = nil, commands: [[Double]] = [], limited: UInt32 = 0, reward: Double? = nil,
    success: Bool = false
  ) {
    self.step = step
    self.period = period
    self.latency = latency
    self.proprioception = proprioception
    self.tokens = tokens
    self.confidence = confidence
    self.commands = commands
    self.limited = limited
    self.reward = reward
    self.success = success
  }
}
