select id
from read_csv('data/census.csv')
