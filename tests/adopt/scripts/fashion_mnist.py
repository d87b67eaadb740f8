# Lab 1: a fully connected network for images of clothing
import numpy
from tensorflow.keras.datasets import fashion_mnist
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense
from tensorflow.keras import utils

numpy.random.seed(42)

(x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()

# Turn images into vectors of numbers between 0 and 1
x_train = x_train.reshape(60000, 784)
x_test = x_test.reshape(10000, 784)
x_train = x_train.astype("float32")
x_test = x_test.astype("float32")
x_train /= 255
x_test /= 255

# Labels as categories
y_train = utils.to_categorical(y_train, 10)
y_test = utils.to_categorical(y_test, 10)

classes = [
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandals",
    "shirt",
    "sneakers",
    "bag",
    "ankle boots",
]

model = Sequential()
model.add(Dense(800, input_dim=784, activation="relu"))
model.add(Dense(10, activation="softmax"))

model.compile(loss="categorical_crossentropy", optimizer="SGD", metrics=["accuracy"])
print(model.summary())

history = model.fit(x_train, y_train, batch_size=200, epochs=100, validation_split=0.2, verbose=1)

scores = model.evaluate(x_test, y_test, verbose=1)
print("Accuracy on test data:", round(scores[1] * 100, 4), "per cent")
