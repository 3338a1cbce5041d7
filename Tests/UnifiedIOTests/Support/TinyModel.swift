import Foundation
import Tensors
import UnifiedIO

/// The golden checkpoint and what makes its inputs.
struct TinyModel {
  let model: UnifiedIOModel
  let preprocessor: Preprocessor

  init(weights: WeightOptions = .standard) throws {
    model = try UnifiedIOModel(directory: Fixtures.url("tiny-a"), weights: weights)
    preprocessor = Preprocessor(configuration: model.configuration, tokenizer: try TinyTasks.tokenizer())
  }
}
