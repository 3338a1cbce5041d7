enum PolicyEvaluationPlaceholder {}
