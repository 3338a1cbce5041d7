public import MessagePack

/// What a client of openpi sent, by the names that a policy knows.
///
/// Nothing in it says when it was captured, in which order, or for which robot: the connection is the session, the count on it the order, and
/// the arrival the time.
public struct OpenPIObservation: Sendable, Hashable {
  /// A camera's picture.
  public struct Picture: Sendable, Hashable {
    /// A name of ``OpenPIKeys/cameras``.
    public var camera: String
    /// Pixels, or a file.
    public var image: WireImage

    /// Collects the parts.
    public init(camera: String, image: WireImage) {
      self.camera = camera
      self.image = image
    }
  }

  /// One for each of ``OpenPIKeys/cameras``, in that order.
  public var pictures: [Picture]
  /// The numbers of all ``OpenPIKeys/state`` keys, one after the other; they may be anything a float can be.
  public var state: [Double]
  /// The instruction; `nil` if the client sent none.
  public var prompt: String?
  /// `true` from clients that say when an episode begins (`reset`), which openpi's own do not.
  public var beginsEpisode: Bool

  /// Collects the parts.
  public init(pictures: [Picture], state: [Double], prompt: String?, beginsEpisode: Bool = false) {
    self.pictures = pictures
    self.state = state
    self.prompt = prompt
    self.beginsEpisode = beginsEpisode
  }
}

/// Why an observation cannot be used; the subject is the key at fault, empty for the message itself. The line is the text of the frame that
/// tells the client: its `infer` raises with it.
public typealias OpenPIError = MessagePackError
