public import RobotInterface
public import WebServer

/// A page for people who watch robots and may have to stop them: the pictures of the last observation of each session, commands, times, limits
/// that were hit, and a button that stops everybody.
///
/// ```swift
/// let console = WebConsole(options)
/// options.observer = MessageObservers([console.feed, recorder])
/// let daemon = try ControlDaemon(policy: policy, listeners: [console.listener(at: endpoint)], options: options, logger: logger)
/// ```
public final class WebConsole: Sendable {
  /// What can be chosen.
  public struct Options: Sendable {
    /// Updates a second, above 0.
    public var rate = 10.0
    /// Cameras in whose pictures commands are drawn.
    public var projections: [CameraProjection] = []
    /// Whether somebody has the operator's token, which resumes.
    public var hasOperator = false
    /// Whether an address may be bound that other machines can reach.
    public var allowsOtherMachines = false
    /// Who has opened a page, where that is known: it goes with each of their requests. Called on the console's thread.
    public var identify: @Sendable (WebRequest) -> PeerIdentity? = { _ in nil }
    /// Why a page may not be opened by this client; `nil`: it may. Called on the servers' thread.
    public var refuse: @Sendable (WebRequest) -> WebResponse? = { _ in nil }

    /// The defaults of each property.
    public init() {}
  }

  /// Has to see the messages of the daemon.
  public let feed = ConsoleFeed()
  private let options: Options
  /// Pictures leave on a thread that no robot's wire shares.
  private let loop = WebLoop()

  /// Starts the thread of the pages.
  public init(_ options: Options = Options()) { self.options = options }

  /// Ends the thread, after the daemon. To be called once.
  public func shutDown() { loop.shutDown() }

  /// The console as a wire of a daemon.
  ///
  /// - Parameter endpoint: host and port.
  public func listener(at endpoint: Endpoint) -> ListenerMaker {
    { [self] (setting) throws(RobotError) in
      let address = try WebAddress.permitted(endpoint, otherMachines: options.allowsOtherMachines)
      return try ConsoleListener(at: address, on: loop, feed, options, for: setting)
    }
  }
}
