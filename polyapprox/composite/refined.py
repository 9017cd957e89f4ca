def refined_relu(degrees, offset):
    raise NotImplementedError
