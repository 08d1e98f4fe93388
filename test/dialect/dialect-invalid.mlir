// RUN: vitc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{'func.func' op expected 'vit.ignored' to be an array of strings}}
func.func @ignored() attributes {vit.ignored = "mask_token"} {
  return
}

// -----

// expected-error @below {{'func.func' op expected 'vit.ignored' to be an array of strings}}
func.func @ignored_numbers() attributes {vit.ignored = ["mask_token", 3]} {
  return
}

// -----

// expected-error @below {{'func.func' op expected 'vit.name' of argument 0 to be a string, but got 3 : i64}}
func.func @name_of_argument(%x: tensor<?x4xf32> {vit.name = 3}) {
  return
}

// -----

// expected-error @below {{'func.func' op expected arguments with names that differ, but "x" is the name of argument 0 and of argument 2}}
func.func @names_of_arguments(%x: tensor<?x4xf32> {vit.name = "x"}, %y: tensor<?x4xf32>, %z: tensor<?x4xf32> {vit.name = "x"}) {
  return
}

// -----

// expected-error @below {{'func.func' op expected results with names that differ, but "y" is the name of result 0 and of result 1}}
func.func @names_of_results(%x: tensor<?x4xf32> {vit.name = "y"}) -> (tensor<?x4xf32> {vit.name = "y"}, tensor<?x4xf32> {vit.name = "y"}) {
  return %x, %x : tensor<?x4xf32>, tensor<?x4xf32>
}
