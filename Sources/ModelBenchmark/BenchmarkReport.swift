import Tensors

/// What `uio2 bench` measured.
public struct BenchmarkReport: Sendable, Encodable {
  /// The machine's own ceilings, measured in the same run.
  public struct Ceilings: Sendable, Encodable {
    public var f32Gflops: Double
    public var int8Gops: Double
    public var readGbps: Double
    public var readInOrderGbps: Double

    enum CodingKeys: String, CodingKey {
      case f32Gflops = "f32_gflops"
      case int8Gops = "int8_gops"
      case readGbps = "read_gbps"
      case readInOrderGbps = "read_in_order_gbps"
    }
  }

  /// How near a part of the work comes to a ceiling.
  public struct Rate: Sendable, Encodable {
    /// What was measured.
    public var name: String
    /// 10⁹ a second.
    public var value: Double
    /// `GFLOP/s`, `GOP/s` or `GB/s`.
    public var unit: String
    /// Of the ceiling of the same kind, measured before and after each of the steps; the median of the steps' ratios.
    public var ofCeiling: Double
    /// Of what reading front to back gives, which is less than the ceiling; `nil` for arithmetic.
    public var ofReadingInOrder: Double?

    enum CodingKeys: String, CodingKey {
      case name, value, unit
      case ofCeiling = "of_ceiling"
      case ofReadingInOrder = "of_reading_in_order"
    }
  }

  /// What robots that are answered together cost each.
  public struct Sessions: Sendable, Encodable {
    /// Robots answered together.
    public var count: Int
    /// The whole batch's median over their number, milliseconds.
    public var each: Double
    /// The whole batch's median over as many steps of one robot; below 1 it gains from company.
    public var ofOneByOne: Double

    enum CodingKeys: String, CodingKey {
      case count
      case each = "each_ms"
      case ofOneByOne = "of_one_by_one"
    }
  }

  /// One kind of step.
  public struct Case: Sendable, Encodable {
    public var name: String
    public var encoderTokens: Int
    public var stages: [String: StageSamples.Figures]
    public var rates: [Rate]
    /// Milliseconds that the machine's best ceilings leave for stages whose arithmetic and reading are counted.
    public var floors: [String: Double]?
    /// Where several robots were answered together.
    public var sessions: Sessions?

    enum CodingKeys: String, CodingKey {
      case name, stages, rates, sessions
      case encoderTokens = "encoder_tokens"
      case floors = "floor_ms"
    }

    init(
      name: String, encoderTokens: Int, stages: [String: StageSamples.Figures], rates: [Rate],
      floors: [String: Double]? = nil, sessions: Sessions? = nil
    ) {
      self.name = name
      self.encoderTokens = encoderTokens
      self.stages = stages
      self.rates = rates
      self.floors = floors
      self.sessions = sessions
    }

    /// Times without rates.
    public init(name: String, encoderTokens: Int, samples: StageSamples) {
      self.init(name: name, encoderTokens: encoderTokens, stages: samples.named, rates: [])
    }
  }

  public var model: String
  public var weights: String
  public var activations: String
  public var threads: Int
  public var kernels: String
  /// OpenBLAS's, e.g. `SkylakeX`; an exported OPENBLAS_CORETYPE is respected, and may cost half of the speed of f32.
  public var blas: String
  public var ceilings: Ceilings
  public var cases: [Case] = []
  /// Seconds from the start of loading to a model that can be asked.
  public var loadSeconds: Double
  /// The largest resident memory of the process, and the weights in the format that was asked for; bytes.
  public var peakMemory: Int?
  public var weightBytes: Int

  enum CodingKeys: String, CodingKey {
    case model, weights, activations, threads, kernels, blas, ceilings, cases
    case loadSeconds = "load_seconds"
    case peakMemory = "peak_memory_bytes"
    case weightBytes = "weight_bytes"
  }

  /// An empty report.
  public init(
    model: String, weights: WeightOptions, format: WeightFormat, ceilings: MachineCeilings, loadSeconds: Double,
    weightBytes: Int
  ) {
    self.model = model
    self.weights = format.rawValue
    activations = format == .int8 ? weights.activations?.rawValue ?? "suited" : ActivationFormat.f32.rawValue
    threads = ceilings.threads
    kernels = ceilings.kernels
    blas = BLAS.coreName
    self.ceilings = Ceilings(
      f32Gflops: ceilings.f32, int8Gops: ceilings.int8, readGbps: ceilings.read, readInOrderGbps: ceilings.readInOrder)
    self.loadSeconds = loadSeconds
    self.weightBytes = weightBytes
  }
}
